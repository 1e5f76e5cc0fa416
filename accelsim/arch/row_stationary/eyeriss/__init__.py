"""Eyeriss: row-stationary PEs in clusters, gating (v1, v1.5) or skipping (v2). Rules: docs/machines/eyeriss.md."""
