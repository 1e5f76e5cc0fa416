"""Running part of a model in onnxruntime within limits: its time by a watch, its memory by the size of its arena."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.limits import Limits, stopwatch

_WEIGHT_COPIES = 4  # of the model's weights that the runtime may keep, rearranged for its kernels, beside `Limits.gib`
_ARENA_FULL = ("Available memory of", "bad_alloc", "Failed to allocate")
_arena_bytes = 0  # of the arena that sessions of this process share


class Session:
    """An onnxruntime session over one file. Raises RecordError, with the model's `path`, for whatever it does not take.
    """

    def __init__(self, runtime: Any, file: Path, path: Path, limits: Limits, weight_bytes: int) -> None:
        self._runtime, self._path, self._limits = runtime, path, limits
        _limit_arena(runtime, limits.bytes + _WEIGHT_COPIES * weight_bytes)
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            self._session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise self._failed("the runtime does not accept this model", error) from None
        self._inputs = {i.name for i in self._session.get_inputs()}

    def run(self, names: Sequence[str], feeds: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The values called `names`."""
        options = self._runtime.RunOptions()
        options.log_severity_level = 4
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        given = {k: v for k, v in feeds.items() if k in self._inputs}
        with stopwatch(self._limits, lambda: setattr(options, "terminate", True)) as stopped:
            try:
                return dict(zip(names, self._session.run(list(names), given, options), strict=True))
            except Exception as error:
                if stopped():
                    raise RecordError(f"{self._path}: running the model {self._limits.time_text}") from None
                raise self._failed("running the model failed", error) from None

    def _failed(self, what: str, error: Exception) -> RecordError:
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        if any(words in reason for words in _ARENA_FULL):
            what = "running the model takes too much memory"
            reason = f"{reason[:150]}; {self._limits.memory_way_out}"
        return RecordError(f"{self._path}: {what}: {reason}")


def _limit_arena(runtime: Any, size: int) -> None:
    """The arena of all sessions made from now on may grow to `size` bytes; those that are open keep theirs."""
    global _arena_bytes
    if size == _arena_bytes:
        return
    where = runtime.OrtMemoryInfo("Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT)
    grow_as_requested = 1
    runtime.create_and_register_allocator(
        where, runtime.OrtArenaCfg({"max_mem": size, "arena_extend_strategy": grow_as_requested}))
    _arena_bytes = size
