"""Energy beyond a price list: SRAM fit, tables of other nodes, leakage, data types, one run under many tables."""

from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim import ConfigError, shipped
from accelsim.hw.energy import Action, EnergyEntry, EnergyTable, Leakage, SramAccess, load_energy_table
from accelsim.hw.sram_energy import POINTS_45NM, access_pj, coefficients
from accelsim.simulation import repriced, simulate

pytestmark = pytest.mark.small
DOCS = Path(__file__).parents[2] / "docs" / "energy.md"
LAYER = accelsim.linear("l", np.ones((9, 8), np.int8), np.ones(8, np.int8))


@pytest.mark.parametrize(("access", "column", "mean", "largest"), [("read", 2, 0.13, 0.23), ("write", 3, 0.11, 0.30)])
def test_errors_of_the_fit_are_those_of_the_page(access, column, mean, largest):
    errors = [abs(access_pj(access, p[0], p[1]) / p[column] - 1) for p in POINTS_45NM]
    assert (round(float(np.mean(errors)), 2), round(max(errors), 2)) == (mean, largest)
    assert f"| {access} | {mean:.0%}".replace("%", " %") in DOCS.read_text(encoding="utf-8")
    line, bit = coefficients(access)
    assert line > 0
    assert bit > 0
    assert f"line {line:.5f}, bit {bit:.6f}" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(("size", "bits"), [(63, 64), (1 << 22, 64), (4096, 7), (4096, 513), (-1, 64)])
def test_the_fit_is_not_stretched(size, bits):
    with pytest.raises(ConfigError, match="the fit spans 64 to 2,097,152 bytes and 8 to 512 bits; cut the SRAM"):
        access_pj("read", size, bits)


def test_sram_entries_take_the_width_of_the_action():
    entry = EnergyEntry(sram=SramAccess(access="read", bytes=8192), component="glb", source="test", factor=0.5)
    assert entry.price_pj(64) == 0.5 * access_pj("read", 8192, 64)
    fixed = EnergyEntry(sram=SramAccess(access="write", bytes=8192, width_bits=32), component="glb", source="test")
    assert fixed.price_pj(64) == access_pj("write", 8192, 32)


@pytest.mark.parametrize("text", ["{component: a, source: b}",
                                  "{pj: 1, sram: {access: read, bytes: 64}, component: a, source: b}"])
def test_an_entry_has_one_price(tmp_path, text):
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nnode_nm: 45\nactions:\n  read: {text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml:4: actions\.read: wanted either pj .* or sram"):
        load_energy_table(str(file))


@pytest.mark.parametrize("name", [n for n in shipped.names("energy")
                                  if n.endswith("nm") and not n.endswith("_45nm")])
def test_scaled_tables_are_the_45_nm_ones_times_a_factor(name):
    family, node = name.removesuffix("nm").split("_")
    base, table = load_energy_table(f"{family}_45nm"), load_energy_table(name)
    assert (table.name, table.node_nm) == (name, float(node))
    factor = {28: 0.5178, 16: 0.1721, 7: 0.0684}[int(node)]
    assert f"| {factor} |" in DOCS.read_text(encoding="utf-8")
    for action, entry in base.actions.items():
        scaled = table.actions[action]
        if entry.component == "dram":
            assert scaled == entry
        else:
            assert scaled.price_pj(32) == pytest.approx(factor * entry.price_pj(32))
            assert "Stillmaker and Baas" in scaled.source
            assert scaled.arithmetic.startswith(f"({entry.arithmetic or 'as given'}) x {factor}")


def test_factors_are_ratios_of_the_published_polynomials():
    def energy(a, b, c, volts):
        return a * volts**2 + b * volts + c

    published = ((1.018, -.3107, .1539), (.8367, -.4341, .1701), (.373, -.1582, .04104))
    at45, at32, at20 = (energy(*c, 0.9) for c in published)
    at28 = at32 * (at20 / at32) ** (np.log(32 / 28) / np.log(32 / 20))
    found = [at28, energy(.2958, -.1241, .03024, 0.8), energy(.1776, -.09097, .02447, 0.7)]
    assert [round(x / at45, 4) for x in found] == [0.5178, 0.1721, 0.0684]


@pytest.mark.parametrize(("change", "told"), [
    ("scaled_from: eie_16nm", "is itself scaled; name a table with actions"),
    ("scaled_from: eie_45mn", "no shipped energy table is called 'eie_45mn'"),
    ("  unscaled: [drma]", "unscaled names components that 'eie_45nm' does not have: drma"),
    ("  factor: 0", r"mine\.yaml:6: scaling\.factor: input should be greater than 0"),
])
def test_mistakes_in_scaled_tables(tmp_path, change, told):
    lines = shipped.find("energy", "eie_28nm").read_text(encoding="utf-8").splitlines()
    key = change.split(":")[0]
    file = tmp_path / "mine.yaml"
    file.write_text("\n".join(change if line.startswith(key + ":") else line for line in lines), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_energy_table(str(file))


def test_leakage_is_a_component_of_its_own():
    assert Leakage(pj_per_slot_cycle=0.5, mw=2.0, source="test").energy_pj(10, 3.0) == 5 + 6000


def test_leakage_of_a_run(tmp_path):
    file = tmp_path / "leaky.yaml"
    text = shipped.find("energy", "eie_45nm").read_text(encoding="utf-8")
    file.write_text(text + "leakage: {pj_per_slot_cycle: 0.25, source: test}\n", encoding="utf-8")
    dry, leaky = simulate(LAYER, "eie"), simulate(LAYER, "eie", set={"energy_table": str(file)})
    assert leaky.energy_by_component["leakage"] == 0.25 * 64 * dry.cycles
    assert leaky.energy_pj == pytest.approx(dry.energy_pj + 16 * dry.cycles)
    assert leaky.energy_table_digest != dry.energy_table_digest


@pytest.mark.parametrize("dram", [None, 2.0])
@pytest.mark.parametrize("arch", ["eie", "sigma", "tpu_v1", "scnn", "dcnn_opt"])
def test_components_and_data_types_add_up(arch, dram):
    result = simulate(LAYER, arch, set={} if dram is None else {"dram.gbps": dram})
    for split in (result.energy_by_component, result.energy_by_data):
        assert sum(split.values()) == pytest.approx(result.energy_pj)
    assert set(result.energy_by_data) <= {"weight", "activation", "output", "shared"}
    assert result.to_dict()["energy_table"] == result.config.energy_table
    assert len(result.to_dict()["energy_table_digest"]) == 64


def test_repricing_is_simulating_with_another_table():
    first = simulate(LAYER, "eie", set={"dram.gbps": 2.0, "resident_weights": False})
    again = repriced(first, "eie_16nm")
    direct = simulate(LAYER, first.config, set={"energy_table": "eie_16nm"})
    assert (again.run_id, again.energy_by_component) == (direct.run_id, direct.energy_by_component)
    assert again.energy_pj < first.energy_pj
    assert again.cycles == first.cycles
    assert repriced(again, "eie_45nm").energy_pj == first.energy_pj


def test_a_table_without_dram_cannot_price_dram(tmp_path):
    text = shipped.find("energy", "eie_45nm").read_text(encoding="utf-8")
    file = tmp_path / "old.yaml"
    file.write_text(text[:text.index("  dram_bit:")], encoding="utf-8")
    assert simulate(LAYER, "eie", set={"energy_table": str(file)}).energy_pj > 0
    with pytest.raises(ConfigError, match="energy table 'eie_45nm' has no action 'dram_bit'"):
        simulate(LAYER, "eie", set={"energy_table": str(file), "dram.gbps": 1})


def test_data_types_of_a_table():
    entry = EnergyEntry(pj=2.0, component="sram", source="test")
    table = EnergyTable(name="t", node_nm=45, actions={"read": entry})
    actions = {"a": Action("read", data="weight"), "b": Action("read"), "c": Action("read", data="weight")}
    assert table.energy_by_data_pj({"a": 1, "b": 2, "c": 3}, actions) == {"weight": 8.0, "shared": 4.0}
