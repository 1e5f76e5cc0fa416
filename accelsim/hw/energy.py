"""Energy: counts times a named, cited table.

A table is YAML: each entry gives `pj` per action, or `pj` plus `pj_per_bit` for accesses whose width is a design
parameter, the `component` it belongs to, its `source`, and the `arithmetic` from the source to the number. An action
that a machine counts and the table lacks is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field

from accelsim import shipped
from accelsim.config import Name, StrictModel, did_you_mean, digest_of, parse_yaml, read_text, validate
from accelsim.errors import ConfigError

MAX_PJ = 1e12  # one joule an action is a mistake; also keeps every sum finite


@dataclass(frozen=True)
class Action:
    """The table entry behind a count; `bits` is the access width for entries priced per bit."""

    entry: str
    bits: int = 0


class EnergyEntry(StrictModel):
    """pJ of one action: `pj + pj_per_bit * bits`."""

    pj: float = Field(ge=0, le=MAX_PJ)
    pj_per_bit: float = Field(default=0.0, ge=0, le=MAX_PJ)
    component: Name
    source: str = Field(min_length=1)
    arithmetic: str = ""


class EnergyTable(StrictModel):
    """A named table at one technology node."""

    name: Name
    node_nm: float = Field(gt=0)
    actions: dict[str, EnergyEntry]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the validated table."""
        return digest_of(self.model_dump(mode="json"))

    def price_pj(self, action: Action) -> float:
        """pJ of one `action`; ConfigError when the table lacks it."""
        if action.entry not in self.actions:
            raise ConfigError(f"energy table {self.name!r} has no action {action.entry!r}"
                              f"{did_you_mean(action.entry, self.actions)}; add it to the table or name another")
        entry = self.actions[action.entry]
        return entry.pj + entry.pj_per_bit * action.bits

    def energy_pj(self, counts: Mapping[str, int], actions: Mapping[str, Action]) -> dict[str, float]:
        """pJ by component for `counts`, where `actions` names the table entry of each count that costs energy."""
        by_component: dict[str, float] = {}
        for count, action in actions.items():
            pj = self.price_pj(action) * counts[count]
            component = self.actions[action.entry].component
            by_component[component] = by_component.get(component, 0.0) + pj
        return by_component


def load_energy_table(name_or_path: str) -> EnergyTable:
    """A shipped table by name, or a YAML file by path."""
    path = shipped.find("energy", name_or_path)
    return _validated(path, read_text(path))


@lru_cache(maxsize=64)
def _validated(path: Path, text: str) -> EnergyTable:
    return validate(EnergyTable, parse_yaml(path, text), str(path))
