"""When a run did what: every unit, queue and DRAM transfer as a chart, and the chart as a trace-event file."""
