"""Configurations: what is read is what is written, and every preset says where its numbers come from."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import accelsim
from accelsim import ConfigError, shipped
from accelsim.arch.registry import load_arch, schema
from accelsim.yaml import did_you_mean, digest_of, read_scalar, read_yaml

pytestmark = pytest.mark.small

PRESETS = shipped.names("arch")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_field_of_a_preset_says_its_source(preset: str) -> None:
    text = shipped.find("arch", preset).read_text(encoding="utf-8")
    set_here = [line for line in text.splitlines() if re.match(r"\w+:", line)]
    fields = [line for line in set_here if line.split(":")[0] not in ("kind", "name")]
    assert len(fields) >= 3
    assert not [line for line in fields if "#" not in line]
    assert text.startswith("#"), "the first line says whose design this is"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_called_as_its_file_and_survives_its_own_json(preset: str) -> None:
    config = load_arch(preset)
    assert config.name == preset
    back = json.loads(json.dumps(config.to_dict()))
    assert next(iter(back)) == "kind"
    assert back.pop("kind") == config.kind
    assert type(config).model_validate(back) == config
    assert load_arch(config) == config


def test_changes_lie_over_the_file_and_leave_it_alone(tmp_path: Path) -> None:
    config = load_arch("eie", {"pes": 4, "name": "small"})
    assert (config.model_dump()["pes"], config.name) == (4, "small")
    assert load_arch(config, {"pes": 8}).model_dump()["pes"] == 8
    assert load_arch("eie").model_dump()["pes"] == 64
    file = tmp_path / "mine.yaml"
    file.write_text(shipped.find("arch", "eie").read_text(encoding="utf-8"), encoding="utf-8")
    assert load_arch(str(file)) == load_arch(file) == load_arch("eie")


def test_configs_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_arch("eie").name = "other"  # type: ignore[misc]


def test_an_arch_is_a_name_a_path_or_a_config() -> None:
    with pytest.raises(ConfigError, match="arch is a int, wanted a preset's name, a path or a config object"):
        load_arch(3)  # type: ignore[arg-type]


def test_an_energy_table_may_lie_beside_its_arch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design = shipped.find("arch", "eie").read_text(encoding="utf-8")
    table = shipped.find("energy", "eie_45nm").read_text(encoding="utf-8")
    (tmp_path / "design.yaml").write_text(design.replace("eie_45nm", "mine.yaml"), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(table, encoding="utf-8")
    monkeypatch.chdir("/")
    result = accelsim.simulate(accelsim.linear("l", [[1]], [1]), arch=tmp_path / "design.yaml")
    assert result.energy_pj == accelsim.simulate(accelsim.linear("l", [[1]], [1]), arch="eie").energy_pj
    other = load_arch(tmp_path / "design.yaml", {"energy_table": "eie_16nm"})
    assert other.energy_table == "eie_16nm"


@pytest.mark.parametrize(("text", "value"), [
    ("8", 8), ("8.0", 8.0), ("2e-1", 0.2), ("true", True), ("eie", "eie"), ("'8'", "8"), ("0x10", 16), ("~", None),
    ("", ""),
    ("on", "on"), ("a=b", "a=b"), ("1_000", 1000), ("/a/b.yaml", "/a/b.yaml"),
])
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    read = read_scalar(text, "--set key")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["[1]", "{a: 1}", "2026-11-22", "!!binary aGk="])
def test_scalars_are_numbers_truth_values_and_names(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--set key: .*, wanted a number, a truth value or a name$"):
        read_scalar(text, "--set key")


@given(st.text(max_size=40))
def test_any_text_is_a_scalar_or_one_error(text: str) -> None:
    try:
        value = read_scalar(text, "--set key")
    except ConfigError as error:
        message = str(error)
    else:
        assert value is None or isinstance(value, (bool, int, float, str))
        return
    assert message.startswith("--set key: ")


@given(st.integers(1, 65536), st.integers(1, 1000), st.floats(0.001, 100_000))
def test_numbers_of_a_file_arrive_unchanged(tmp_path_factory: pytest.TempPathFactory, pes: int, entries: int,
                                            clock: float) -> None:
    file = tmp_path_factory.getbasetemp() / "numbers.yaml"
    text = shipped.find("arch", "eie").read_text(encoding="utf-8")
    for key, value in (("pes", pes), ("queue_entries", entries), ("clock_mhz", clock)):
        text = re.sub(rf"^{key}: \S+", f"{key}: {value!r}", text, flags=re.MULTILINE)
    file.write_text(text, encoding="utf-8")
    read = load_arch(file).model_dump()
    assert (read["pes"], read["queue_entries"], read["clock_mhz"]) == (pes, entries, clock)


def test_digest_is_of_values_not_of_spelling() -> None:
    assert digest_of({"a": 1, "b": [1.5]}) == digest_of({"b": [1.5], "a": 1})
    assert len({digest_of(value) for value in ({"a": 1}, {"a": 2}, {"b": 1}, [1], [1, 1], None)}) == 6
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of(float("nan"))


def test_whole_numbers_and_decimals_make_one_run_id(tmp_path: Path) -> None:
    layer, text = accelsim.linear("fc", [[1]], [1]), shipped.find("arch", "eie").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("clock_mhz: 800 ", "clock_mhz: 8.0e+2 "), encoding="utf-8")
    assert accelsim.simulate(layer, file).run_id == accelsim.simulate(layer, "eie").run_id


def test_did_you_mean() -> None:
    assert did_you_mean("pess", ["pes", "name"]) == "; did you mean 'pes'?"
    assert did_you_mean("zzz", ["pes", "name"]) == "; known: name, pes"
    assert did_you_mean("zzz", []) == ""


def test_an_unchanged_file_is_parsed_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    assert read_yaml(file) is read_yaml(file)


def test_schema_knows_every_kind_and_field() -> None:
    alternatives = {one["title"]: one for one in schema()["oneOf"]}
    for preset in PRESETS:
        config = load_arch(preset)
        one = alternatives[config.kind]
        assert set(one["properties"]) == set(config.to_dict())
        assert one["properties"]["kind"] == {"const": config.kind}
        assert one["additionalProperties"] is False
        assert {"kind", "name", "clock_mhz", "energy_table"} <= set(one["required"])
    json.dumps(schema(), allow_nan=False)


def test_numpy_numbers_are_numbers() -> None:
    assert load_arch("eie", {"pes": np.int64(4)}).to_dict() == load_arch("eie", {"pes": 4}).to_dict()
