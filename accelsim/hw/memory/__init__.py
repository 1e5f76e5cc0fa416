"""DRAM, buffers and the timeline of a run's tiles. Rules: docs/memory.md."""
