"""A study's traces on the coordinator's side: files, addressed by the digest of their content."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accelsim import shipped
from accelsim.arguments import items
from accelsim.errors import TraceError
from accelsim.workload.trace import Trace, load_trace

PART_BYTES = 32 << 20  # what is sent to a worker at once


@dataclass(frozen=True)
class StudyTrace:
    """Name, content digest and file of a trace; the tensors themselves are not kept."""

    name: str
    digest: str
    file: Path

    def parts(self) -> Iterator[tuple[bytes, bool]]:
        """The file's bytes in order, each part with whether it is the last; TraceError when it cannot be read."""
        try:
            with self.file.open("rb") as stream:
                part = stream.read(PART_BYTES)
                while part:
                    following = stream.read(PART_BYTES)
                    yield part, not following
                    part = following
        except OSError as error:
            raise TraceError(f"{self.file}: cannot be read ({error.strerror}); the trace is needed until the sweep "
                             "ends") from None


@contextmanager
def study_traces(traces: Sequence[Trace | str]) -> Iterator[list[StudyTrace]]:
    """The traces of a study, checked. Trace objects live in temporary files until the context ends.

    Raises TraceError when one cannot be read, or when two different ones have the same name.
    """
    with tempfile.TemporaryDirectory(prefix="accelsim-traces-") as folder:
        found: dict[str, StudyTrace] = {}
        for number, trace in enumerate(items("traces", traces, TraceError, "traces, names or paths")):
            if isinstance(trace, Trace):
                one = StudyTrace(trace.name, trace.digest, trace.save(Path(folder) / f"{number}.safetensors"))
            else:
                loaded = load_trace(trace)
                one = StudyTrace(loaded.name, loaded.digest, shipped.find("trace", os.fsdecode(trace)))
            if any(other.name == one.name and other.digest != one.digest for other in found.values()):
                raise TraceError(f"two different traces are called {one.name!r}; a study identifies traces by name, "
                                 "give each its own")
            found.setdefault(one.digest, one)
        yield list(found.values())
