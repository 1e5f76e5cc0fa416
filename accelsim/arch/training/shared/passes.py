"""The passes of a training iteration, and the keys by which a design chooses among them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from accelsim.yaml import Name

Phase = Literal["forward", "backward", "weight_update"]
PHASES: tuple[Phase, ...] = ("forward", "backward", "weight_update")


def _words(value: Any) -> Any:
    """A list as it is; text, as the command line gives it, cut at its commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


PhaseList = Annotated[list[Phase], BeforeValidator(_words), Field(
    min_length=1, description="passes that run: forward, backward, weight_update")]
LayerNames = Annotated[list[Name], BeforeValidator(_words), Field(
    description="names of layers fed by the data: no backward pass")]


def check_named_once(phases: Sequence[Phase]) -> None:
    """Raises ValueError, which a design's validation reports, when a pass is named twice."""
    if len({*phases}) < len(phases):
        raise ValueError(f"phases: {', '.join(phases)}: each pass may be named once")


def passes_of(layer_name: str, phases: Sequence[Phase], input_layers: Sequence[str]) -> tuple[Phase, ...]:
    """The passes that a layer of this name runs, in order of execution."""
    skipped = {"backward"} if layer_name in input_layers else set()
    return tuple(phase for phase in PHASES if phase in phases and phase not in skipped)


def training_note(passes: Sequence[Phase]) -> Iterator[str]:
    """What the user should know of the passes that a layer runs."""
    if not passes:
        yield "no pass runs: phases has backward alone, and the layer is among input_layers"
    elif tuple(passes) != ("forward",):
        yield "training passes: " + ", ".join(phase.replace("_", " ") for phase in passes)
