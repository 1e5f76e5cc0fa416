"""Architecture files and energy tables, spoilt in every way we know: they work, or one ConfigError says what to do."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door.messages import LONGEST_MESSAGE

import accelsim
from accelsim import shipped
from accelsim.arch.registry import load_arch
from accelsim.errors import ConfigError, TraceError
from accelsim.hw.energy import load_energy_table
from accelsim.yaml import MAX_YAML_BYTES

Fuzz = Callable[[str, int, int], dict[str, int]]
EIE = shipped.find("arch", "eie").read_text(encoding="utf-8")
TABLE = """\
name: mine
node_nm: 45
actions:
  pe_cycle:
    pj: 2.5
    component: clock
    source: measured
  spmat_row_read:
    pj: 18.9
    pj_per_bit: 0.3
    component: sram
    source: measured
"""


def test_mutated_configs(fuzz: Fuzz) -> None:
    fuzz("configs", 0, 150)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 4000, 1000))
def test_mutated_configs_in_full(fuzz: Fuzz, first: int) -> None:
    fuzz("configs", first, 1000)


def line(text: str, start: str) -> int:
    return next(n for n, each in enumerate(text.splitlines(), 1) if each.lstrip().startswith(start))


def spoilt(old: str, new: str, text: str = EIE) -> str:
    assert old in text
    return text.replace(old, new, 1)


PES = line(EIE, "pes:")
COMMON_MISTAKES = {  # what the file says: what the error says after the file's name
    "misspelt key": (spoilt("pes:", "pess:"), [f":{PES}: unknown key 'pess'; did you mean 'pes'?",
                                               ": key 'pes' is missing (processing elements)"]),
    "missing key": (spoilt("clock_mhz: 800 ", "# "), [": key 'clock_mhz' is missing (clock, MHz)"]),
    "text for a number": (spoilt("pes: 64", "pes: many"),
                          [f":{PES}: pes: input should be a valid integer, got 'many'"]),
    "fraction for a whole number": (spoilt("pes: 64", "pes: 64.5"),
                                    [f":{PES}: pes: input should be a valid integer, got a fractional part, got 64.5",
                                     f":{PES}: pes: input should be a valid integer, got 64.5"]),
    "truth value for a number": (spoilt("pes: 64", "pes: true"),
                                 [f":{PES}: pes: input should be a valid integer, got True"]),
    "nothing for a number": (spoilt("pes: 64", "pes:"), [f":{PES}: pes: input should be a valid integer, got None"]),
    "out of range": (spoilt("pes: 64", "pes: 0"), [f":{PES}: pes: input should be greater than or equal to 1, got 0"]),
    "not a number": (spoilt("clock_mhz: 800", "clock_mhz: .nan"),
                     [f":{line(EIE, 'clock_mhz')}: clock_mhz: input should be a finite number, got nan"]),
    "a tag": (spoilt("pes: 64", "pes: !!python/object:os.system"),
              [f":{PES}: YAML tags (!name) are not accepted; write the value out, in quotes if it is text"]),
    "an alias": (spoilt("pes: 64", "pes: *a"),
                 [f":{PES}: YAML aliases (*name) are not accepted; write the value out, in quotes if it is text"]),
    "an anchored truth value": (spoilt("pes: 64", "pes: &a true"),
                                [f":{PES}: YAML anchors (&name) are not accepted; write the value out"]),
    "key twice": (EIE + "pes: 32\n",
                  [f":{len(EIE.splitlines()) + 1}: not valid YAML: found duplicate key \"pes\" with value "
                                      '"32" (original value: "64")']),
    "tab": (EIE + "\tpes: 3\n",
            [f":{len(EIE.splitlines()) + 1}: not valid YAML: found character '\\t' that cannot start any token"]),
    "list at the top": ("- kind: eie\n", [": holds a seq, wanted a mapping of keys to values (key: value lines)"]),
    "empty": ("", [": holds nothing, wanted a mapping of keys to values (key: value lines)"]),
    "no kind": (spoilt("kind: eie\n", ""), [": key 'kind' is missing; wanted one of "]),
    "near kind": (spoilt("kind: eie", "kind: eiee"),
                  [f":{line(EIE, 'kind')}: kind 'eiee' is unknown; did you mean 'eie'?"]),
    "kind is a list": (spoilt("kind: eie", "kind: [eie]"),
                       [f":{line(EIE, 'kind')}: kind 'a CommentedSeq' is unknown; known: "]),
    "key is a number": (EIE + "1: 2\n", [f":{len(EIE.splitlines()) + 1}: key 1 is not text; keys are names, quote it"]),
    "brackets": (EIE + "x: " + "[" * 51,
                 [f":{len(EIE.splitlines()) + 1}: more than 50 brackets are open at once; close them"]),
}


@pytest.mark.parametrize("mistake", COMMON_MISTAKES)
def test_common_mistakes_are_told_with_their_line(tmp_path: Path, mistake: str) -> None:
    text, wanted = COMMON_MISTAKES[mistake]
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_arch(str(file))
    told = str(raised.value)
    if mistake in ("misspelt key",):
        assert sorted(told.splitlines()) == sorted(f"{file}{w}" for w in wanted)
    else:
        assert any(told.startswith(f"{file}{w}") for w in wanted), told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(EIE.replace("pes: 64", "pes: -1").replace("index_bits: 4", "index_bits: x").replace("clock",
                                                                                                        "clok"))
    with pytest.raises(ConfigError) as raised:
        load_arch(str(file))
    assert len(str(raised.value).splitlines()) == 4
    for told in ("pes: input", "index_bits: input", "'clock_mhz' is missing",
                 "unknown key 'clok_mhz'; did you mean 'clock_mhz'?"):
        assert told in str(raised.value)


def test_a_flood_of_mistakes_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(EIE + "".join(f"key{n}: 1\n" for n in range(1000)), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_arch(str(file))
    told = str(raised.value).splitlines()
    assert 2 <= len(told) <= 21 and len(str(raised.value)) <= LONGEST_MESSAGE
    assert told[-1] == f"... and {1000 - (len(told) - 1)} more mistakes"


TABLE_MISTAKES = {
    "misspelt field": (spoilt("pj_per_bit", "pj_per_bits", TABLE),
                       r":\d+: unknown key 'actions\.spmat_row_read\.pj_per_bits'; did you mean 'pj_per_bit'\?"),
    "no source": (spoilt("source:", "sauce:", TABLE), r":\d+: key 'actions\.pe_cycle\.source' is missing"),
    "negative": (spoilt("pj: 2.5", "pj: -1", TABLE),
                 r":5: actions\.pe_cycle\.pj: input should be greater than or equal to 0, got"),
    "a joule": (spoilt("pj: 2.5", "pj: 1e308", TABLE),
                r":\d+: actions\.pe_cycle\.pj: input should be less than or equal to"),
    "numbered action": (spoilt("  pe_cycle:", "  1:", TABLE), r":\d+: key 1 is not text; keys are names, quote it"),
}


@pytest.mark.parametrize("mistake", TABLE_MISTAKES)
def test_mistakes_in_energy_tables_are_told_with_their_line(tmp_path: Path, mistake: str) -> None:
    text, wanted = TABLE_MISTAKES[mistake]
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(str(file)) + wanted):
        load_energy_table(str(file))


def test_missing_action_is_named_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TABLE.replace("pe_cycle:", "pe_cycles:"), encoding="utf-8")
    layer = accelsim.linear("fc", [[1]], [1])
    with pytest.raises(ConfigError,
                       match="energy table 'mine' has no action 'pe_cycle'; did you mean 'pe_cycles'"):
        accelsim.simulate(layer, set={"energy_table": str(file)})


def test_settings_are_told_apart_from_the_file() -> None:
    with pytest.raises(ConfigError, match=r"^set pess: unknown key 'pess'; did you mean 'pes'\?$"):
        load_arch("eie", {"pess": 4})
    with pytest.raises(ConfigError, match=r"^set pes: pes: input should be a valid integer, got True$"):
        load_arch("eie", {"pes": True})
    with pytest.raises(ConfigError, match=r"^set: key 4 is not text"):
        load_arch("eie", {4: 4})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=r"^set: is a list, wanted a mapping"):
        load_arch("eie", ["pes=4"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"^set: 'kind' cannot be set; name an arch of that kind$"):
        load_arch("eie", {"kind": "scnn"})
    with pytest.raises(ConfigError, match=r"^set: pes: a int that cannot be printed: more than 4,000 digits"):
        load_arch("eie", {"pes": 10**5000})


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("#" * (MAX_YAML_BYTES + 1))
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, told in (("big", f"larger than {MAX_YAML_BYTES:,} bytes"),
                       ("latin", "not UTF-8 text (byte 6); give a YAML file"),
                       ("folder", "is a folder; give the path of an architecture file"), ("pipe", "is not a file"),
                       ("gone", "no such file; give the path of an architecture file, or one of the shipped names: "),
                       ("loop", "")):
        with pytest.raises(ConfigError) as raised:
            load_arch(tmp_path / f"{name}.yaml")
        assert f"{name}.yaml" in str(raised.value)
        assert told in str(raised.value)


def test_near_name_of_a_preset() -> None:
    with pytest.raises(ConfigError,
                       match=r"no shipped architecture is called 'eiee'; did you mean 'eie'\?; give a shipped name"):
        load_arch("eiee")


@pytest.mark.usefixtures("binding_permissions")
def test_unreadable_files() -> None:
    with pytest.raises(ConfigError,
                       match=r"^closed\.yaml: cannot be read \(Permission denied\); give the path of a YAML file$"):
        load_arch("closed.yaml")
    with pytest.raises(ConfigError,
                       match=r"^architecture 'closed/mine\.yaml': Permission denied; give a shipped name or a path$"):
        load_arch("closed/mine.yaml")
    with pytest.raises(TraceError, match=r"^closed\.safetensors: cannot be read \(Permission denied\); give the path"):
        accelsim.load_trace("closed.safetensors")


def test_a_rewritten_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for pes in range(1, 9):  # same size, and within the clock of the file system
        file.write_text(EIE.replace("pes: 64", f"pes: {pes} "), encoding="utf-8")
        assert load_arch(file).model_dump()["pes"] == pes


@pytest.mark.parametrize("table", ["nonsense", "no/such.yaml", "yes", ".", "..", "/dev/zero", "x" * 3000, "eie"])
def test_an_energy_table_that_is_none_is_told_as_every_other_key(tmp_path: Path, table: str) -> None:
    """With file, line and key, by every door that reads a design."""
    file = tmp_path / "mine.yaml"
    file.write_text(spoilt("energy_table: eie_45nm", f"energy_table: {table}"), encoding="utf-8")
    place = re.escape(f"{file}:{line(EIE, 'energy_table')}: energy_table: ")
    study = {"traces": ["digits_cnn"], "archs": [str(file)]}
    for read in (load_arch, lambda f: accelsim.simulate("digits_cnn", f), lambda f: accelsim.sweep(study, workers=1),
                 lambda f: accelsim.compare_policies("digits_cnn", f)):
        with pytest.raises(ConfigError, match=f"(?:^|: ){place}"):
            read(str(file))
    with pytest.raises(ConfigError, match=r"^set energy_table: "):
        load_arch("eie", {"energy_table": table})
    assert load_arch(str(file), {"energy_table": "eie_28nm"}).energy_table == "eie_28nm"
