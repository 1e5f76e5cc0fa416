"""ESE: EIE's engine for many voices in lock step, with the schedule of an LSTM (Han et al., FPGA 2017)."""
