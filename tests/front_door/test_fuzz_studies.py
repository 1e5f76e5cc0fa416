"""Study files and stores, spoilt in every way we know: they are read, or one error says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app

Fuzz = Callable[[str, int, int], dict[str, int]]
ATTACKS = Path(__file__).resolve().parents[3] / "shared" / "golden" / "cases" / "attack"
with_attacks = pytest.mark.skipif(not ATTACKS.is_dir(), reason="the shared cases are not beside this checkout")


@pytest.mark.parametrize("kind", ["studies", "stores"])
def test_mutated(fuzz: Fuzz, kind: str) -> None:
    fuzz(kind, 0, 100)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["studies", "stores"])
def test_mutated_in_full(fuzz: Fuzz, kind: str) -> None:
    fuzz(kind, 100, 2000)


@with_attacks
def test_a_store_with_a_blob_for_text(tmp_path: Path) -> None:
    store = str(ATTACKS / "store_error_is_blob.sqlite")
    for words in (["results", store], ["report", store, "-o", str(tmp_path / "page.html")]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2 and "the store is damaged" in done.stderr, done.exception
    assert not list(tmp_path.iterdir())


@with_attacks
def test_an_energy_table_called_yes() -> None:
    with pytest.raises(accelsim.ConfigError, match=r"x290\.yaml:35: energy_table: .*'yes'"):
        accelsim.load_arch(str(ATTACKS / "yaml_15166136_x290.yaml"))
