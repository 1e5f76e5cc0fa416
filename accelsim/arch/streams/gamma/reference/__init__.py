"""Gamma tick by tick. Rules: docs/machines/gamma.md."""

from accelsim.arch.streams.gamma.reference.engine import run

__all__ = ["run"]
