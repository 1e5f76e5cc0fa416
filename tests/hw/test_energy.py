"""Energy tables: counts times prices, by component."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim import ConfigError, shipped
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.hw.energy import MAX_PJ, Action, EnergyEntry, EnergyTable, load_energy_table

pytestmark = pytest.mark.small


def table(**entries: tuple[float, float, str]) -> EnergyTable:
    actions = {name: EnergyEntry(pj=pj, pj_per_bit=per_bit, component=component, source="test")
               for name, (pj, per_bit, component) in entries.items()}
    return EnergyTable(name="test", node_nm=45.0, actions=actions)


def test_a_price_is_fixed_plus_per_bit() -> None:
    prices = table(read=(2.0, 0.5, "sram"), mac=(1.25, 0.0, "arithmetic"))
    assert prices.price_pj(Action("read", bits=8)) == 6.0
    assert prices.price_pj(Action("read")) == 2.0
    assert prices.price_pj(Action("mac", bits=99)) == 1.25


def test_energy_adds_up_by_component_and_leaves_out_what_costs_nothing() -> None:
    prices = table(read=(2.0, 0.5, "sram"), write=(3.0, 0.0, "sram"), mac=(1.25, 0.0, "arithmetic"))
    counts = {"reads": 10, "writes": 1, "macs": 4, "seen": 1000}
    actions = {"reads": Action("read", 8), "writes": Action("write"), "macs": Action("mac")}
    assert prices.energy_pj(counts, actions) == {"sram": 63.0, "arithmetic": 5.0}


@given(st.floats(0, MAX_PJ), st.floats(0, MAX_PJ), st.integers(0, 65536), st.integers(0, 2**62), st.integers(1, 9))
def test_energy_is_linear_and_finite(pj: float, per_bit: float, bits: int, count: int, factor: int) -> None:
    prices, action = table(read=(pj, per_bit, "sram")), {"reads": Action("read", bits)}
    once, often = (prices.energy_pj({"reads": n}, action)["sram"] for n in (count, factor * count))
    assert often == pytest.approx(factor * once)
    assert often < float("inf")


def test_a_missing_action_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^energy table 'test' has no action 'raed'; did you mean 'read'\?; add it"):
        table(read=(1.0, 0.0, "sram")).energy_pj({"reads": 0}, {"reads": Action("raed")})


def test_digest_sees_every_price() -> None:
    digests = {table(read=entry).digest for entry in ((1.0, 0.0, "a"), (1.5, 0.0, "a"), (1.0, 0.1, "a"),
                                                      (1.0, 0.0, "b"))}
    assert len(digests) == 4
    assert table(read=(1, 0, "a")).digest in digests  # 1 and 1.0 are one price


def test_a_rewritten_table_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for pj in range(1, 6):
        file.write_text(f"name: mine\nnode_nm: 45\nactions:\n  read: {{pj: {pj}, component: sram, source: test}}\n")
        assert load_energy_table(str(file)).price_pj(Action("read")) == pj


@pytest.mark.parametrize("preset", shipped.names("arch"))
def test_every_preset_has_a_price_for_all_that_its_machine_counts(preset: str) -> None:
    config = load_arch(preset)
    model, prices = machine(config.kind), load_energy_table(config.energy_table)
    for count, action in model.actions(config).items():
        assert count in model.count_names
        assert prices.price_pj(action) >= 0


@pytest.mark.parametrize("name", shipped.names("energy"))
def test_every_entry_has_its_arithmetic(name: str) -> None:
    for entry in load_energy_table(name).actions.values():
        assert entry.arithmetic
        assert entry.source


def test_every_kind_has_a_preset() -> None:
    assert {load_arch(name).kind for name in shipped.names("arch")} == set(kinds())


def test_energy_of_a_layer_by_hand() -> None:
    """One PE, one weight, one activation: the sums of EIE's counts times its table, component by component."""
    layer = accelsim.linear("fc", [[3]], [2])
    result = accelsim.simulate(layer, set={"pes": 1})
    prices, actions = load_energy_table("eie_45nm"), machine("eie").actions(result.config)
    by_hand = sum(prices.price_pj(action) * result.counts[count] for count, action in actions.items())
    assert result.energy_pj == pytest.approx(by_hand)
    assert sum(result.energy_by_component.values()) == pytest.approx(result.energy_pj)
