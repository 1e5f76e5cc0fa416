"""ExTensor step by step. Rules: docs/machines/extensor.md."""

from accelsim.arch.streams.extensor.reference.engine import run

__all__ = ["run"]
