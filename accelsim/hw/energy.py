"""Energy: counts times a named, cited table.

A table is YAML: each entry gives the price of an action, the `component` it belongs to, its `source`, and the
`arithmetic` from the source to the number. The price is `pj` per action, `pj` plus `pj_per_bit` for accesses whose
width is a design parameter, or `sram`, a fit over published points. A table may instead be another one, scaled to
another node. An action that a machine counts and the table lacks is an error. See docs/energy.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from accelsim import shipped
from accelsim.errors import ConfigError
from accelsim.hw.sram_energy import access_pj
from accelsim.yaml import Name, StrictModel, did_you_mean, digest_of, parse_yaml, read_text, validate

SHARED = "shared"  # energy that belongs to no data type alone

MAX_PJ = 1e12  # one joule an action is a mistake; also keeps every sum finite
MAX_FACTOR = 1e6


@dataclass(frozen=True)
class Action:
    """The table entry behind a count.

    bits: the access width, for entries priced per bit or by the SRAM fit. data: what is moved ("weight", "activation"
    or "output"), "" where it is none of them alone.
    """

    entry: str
    bits: int = 0
    data: str = ""


class SramAccess(StrictModel):
    """An access priced by the fit of `accelsim.hw.sram_energy`, at 45 nm; width_bits: the action's when null."""

    access: Literal["read", "write"]
    bytes: int
    width_bits: int | None = None


class EnergyEntry(StrictModel):
    """pJ of one action: (`pj` + `pj_per_bit` x bits, or that of `sram`) x `factor`."""

    pj: float | None = Field(default=None, ge=0, le=MAX_PJ)
    pj_per_bit: float = Field(default=0.0, ge=0, le=MAX_PJ)
    sram: SramAccess | None = None
    factor: float = Field(default=1.0, gt=0, le=MAX_FACTOR)
    component: Name
    source: str = Field(min_length=1)
    arithmetic: str = ""

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.pj is None) == (self.sram is None) or (self.sram is not None and self.pj_per_bit):
            raise ValueError("wanted either pj (with or without pj_per_bit) or sram")
        return self

    def price_pj(self, bits: int) -> float:
        """pJ of one action of `bits` bits."""
        if self.sram is not None:
            return self.factor * access_pj(self.sram.access, self.sram.bytes, self.sram.width_bits or bits)
        return self.factor * ((self.pj or 0.0) + self.pj_per_bit * bits)


class Leakage(StrictModel):
    """Static energy: an energy per slot and cycle, and a power of the whole chip times the run's time."""

    pj_per_slot_cycle: float = Field(default=0.0, ge=0, le=MAX_PJ)
    mw: float = Field(default=0.0, ge=0, le=MAX_PJ)
    source: str = Field(min_length=1)
    arithmetic: str = ""

    def energy_pj(self, slot_cycles: int, time_us: float) -> float:
        """pJ; 1 mW over 1 us is 1000 pJ."""
        return self.pj_per_slot_cycle * slot_cycles + self.mw * time_us * 1000


class EnergyTable(StrictModel):
    """A named table at one technology node."""

    name: Name
    node_nm: float = Field(gt=0)
    actions: dict[str, EnergyEntry]
    leakage: Leakage | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the validated table."""
        return digest_of(self.model_dump(mode="json"))

    def price_pj(self, action: Action) -> float:
        """pJ of one `action`; ConfigError when the table lacks it."""
        return self._entry(action).price_pj(action.bits)

    def energy_pj(self, counts: Mapping[str, int], actions: Mapping[str, Action]) -> dict[str, float]:
        """pJ by component for `counts`, where `actions` names the table entry of each count that costs energy."""
        return _summed((self._entry(a).component, self.price_pj(a) * counts[c]) for c, a in actions.items())

    def energy_by_data_pj(self, counts: Mapping[str, int], actions: Mapping[str, Action]) -> dict[str, float]:
        """The same by what is moved: weight, activation, output, or shared."""
        return _summed((a.data or SHARED, self.price_pj(a) * counts[c]) for c, a in actions.items())

    def _entry(self, action: Action) -> EnergyEntry:
        if action.entry not in self.actions:
            raise ConfigError(f"energy table {self.name!r} has no action {action.entry!r}"
                              f"{did_you_mean(action.entry, self.actions)}; add it to the table or name another")
        return self.actions[action.entry]


class Scaling(StrictModel):
    """One factor for all actions but those of the components in `unscaled`."""

    factor: float = Field(gt=0, le=MAX_FACTOR)
    source: str = Field(min_length=1)
    arithmetic: str = Field(min_length=1)
    unscaled: list[str] = Field(default_factory=list)


class ScaledTable(StrictModel):
    """A table's prices at another node: those of the table `scaled_from` times a cited factor."""

    name: Name
    node_nm: float = Field(gt=0)
    scaled_from: str = Field(min_length=1)
    scaling: Scaling

    def of(self, base: EnergyTable) -> EnergyTable:
        """`base` scaled, the factor added to each entry's arithmetic."""
        rule = self.scaling
        unknown = set(rule.unscaled) - {entry.component for entry in base.actions.values()}
        if unknown:
            raise ConfigError(f"energy table {self.name!r}: unscaled names components that {base.name!r} does not "
                              f"have: {', '.join(sorted(unknown))}")
        actions = {name: entry if entry.component in rule.unscaled else self._scaled(entry)
                   for name, entry in base.actions.items()}
        leakage = base.leakage and base.leakage.model_copy(update={
            "pj_per_slot_cycle": base.leakage.pj_per_slot_cycle * rule.factor, "mw": base.leakage.mw * rule.factor})
        return EnergyTable(name=self.name, node_nm=self.node_nm, actions=actions, leakage=leakage)

    def _scaled(self, entry: EnergyEntry) -> EnergyEntry:
        rule = self.scaling
        return entry.model_copy(update={
            "factor": entry.factor * rule.factor, "source": f"{entry.source}; scaled by {rule.source}",
            "arithmetic": f"({entry.arithmetic or 'as given'}) x {rule.factor:g}; {rule.arithmetic}"})


def load_energy_table(name_or_path: str) -> EnergyTable:
    """A shipped table by name, or a YAML file by path."""
    path = shipped.find("energy", name_or_path)
    table = _validated(path, read_text(path))
    if isinstance(table, EnergyTable):
        return table
    try:
        base_path = shipped.find("energy", table.scaled_from)
        base = _validated(base_path, read_text(base_path))
        if isinstance(base, ScaledTable):
            raise ConfigError(f"{base.name!r} is itself scaled; name a table with actions")
        return table.of(base)
    except ConfigError as error:
        raise ConfigError(f"{path}: scaled_from: {error}") from None


@lru_cache(maxsize=64)
def _validated(path: Path, text: str) -> EnergyTable | ScaledTable:
    data = parse_yaml(path, text)
    if "scaled_from" in data:
        return validate(ScaledTable, data, str(path))
    return validate(EnergyTable, data, str(path))


def _summed(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for name, pj in parts:
        totals[name] = totals.get(name, 0.0) + pj
    return totals
