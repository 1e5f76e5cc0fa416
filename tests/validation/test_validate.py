"""The catalogue of published figures, the check that runs it, and the command `accelsim validate`."""


import pytest
from typer.testing import CliRunner

from accelsim.arch.registry import kinds
from accelsim.cli import app
from accelsim.errors import ConfigError
from accelsim.report.validation import as_markdown, as_text
from accelsim.validation.catalogue import chapter_names, chapters
from accelsim.validation.check import HOLDS, MISSES, NOT_CHECKED, Outcome, check
from accelsim.validation.claim import Claim, Group
from accelsim.validation.target import Exact, Range, Table, Target, Trend, figure, percent


@pytest.mark.parametrize(("target", "inside", "outside"), [
    (Exact(5), [5], [5.01, 4]), (Table(10, rel=.1), [9, 11, 10], [8.9, 11.1]),
    (Table(.5, abs=.1), [.45, .6], [.39, .61]), (Range(2, 4), [2, 3, 4], [1.9, 4.1]),
    (Range(high=1), [-9, 1], [1.1]), (Trend("falls", high=0), [0, -1], [.1])])
def test_targets(target: Target, inside, outside):
    assert all(target.holds(ours) for ours in inside)
    assert not any(target.holds(ours) for ours in outside)


def test_how_numbers_are_written():
    assert [figure(x) for x in (1862.2, 30.3, 9.907, 4, .000123456)] == ["1,862", "30.3", "9.907", "4", "0.0001235"]
    assert [percent(x) for x in (.0951, -.0004, .0004, -.1)] == ["+9.5 %", "0 %", "0 %", "-10.0 %"]
    assert (Range(2, 4).published, Range(high=1).published, Range(3, 3).published) == ("2 to 4", "up to 1", "3")
    assert (Range(2, 4).error(3), Range(2, 4).error(5), Range(2, 4).error(1)) == ("inside", "+25.0 %", "-50.0 %")
    assert (Table(3, abs=.5).tolerance, Table(3, rel=.02).tolerance) == ("±0.5", "2 %")


def test_every_claim_says_where_it_comes_from():
    for chapter in chapters().values():
        ids = [claim.id for claim in chapter.claims]
        assert len(ids) == len(set(ids)), chapter.name
        assert chapter.unchecked
        assert set(chapter.kinds) <= set(kinds())
        for group in chapter.groups:
            assert group.title and group.source and group.assumption and group.claims
            assert not group.assumption.endswith(".")  # the page adds it
            tolerances = [claim.target for claim in group.claims if isinstance(claim.target, Table)]
            assert all((target.rel > 0) != (target.abs > 0) for target in tolerances), group.title


def test_every_kind_of_ours_has_a_chapter():
    """A machine from an installed package need not have one."""
    ours = {kind for kind, module in kinds().items() if module.startswith("accelsim.")}
    assert ours == {kind for chapter in chapters().values() for kind in chapter.kinds}


def test_names():
    assert chapter_names([]) == list(chapters())
    assert chapter_names(["tpu_128x128", "dcnn_opt", "scnn", "dcnn"]) == ["scnn", "systolic"]
    with pytest.raises(ConfigError, match="nosuch"):
        chapter_names(["nosuch"])


def broken(holds: bool, miss: str, needs: str = "") -> Outcome:
    claim = Claim("c", "a | figure", Exact(1), lambda: 0.0, miss=miss)
    return Outcome("eie", Group("t", "s", "a", (claim,), needs=needs), claim, 1.0 if holds else 2.0)


def test_verdicts():
    assert [broken(*x).verdict for x in ((True, ""), (False, ""))] == [HOLDS, MISSES]
    assert [broken(*x).surprise for x in ((True, ""), (False, "why"), (True, "why"), (False, ""))] == [
        False, False, True, True]
    text = as_text([broken(True, "why"), broken(False, "")], terminal=False)
    assert "holds, though it is on record as a miss" in text
    assert "does not hold any more" in text


def test_without_the_data_only_their_rows_differ(golden, tmp_path):
    if not (golden / "eie_alex8").is_dir():
        pytest.skip("the data of third parties are not here; set ACCELSIM_GOLDEN")
    pages = [as_markdown(check(["eie"], folder, quick=True), ["eie"]).splitlines()
             for folder in (golden, tmp_path, None)]
    assert pages[1] == pages[2]
    differing = [b for a, b in zip(pages[0], pages[1], strict=True) if a != b]
    assert differing
    assert all("`eie.alex8." in row and NOT_CHECKED in row for row in differing)


@pytest.mark.slow
def test_processes_change_nothing():
    outcomes = [check(["systolic"], processes=n) for n in (1, 2)]
    assert as_markdown(outcomes[0], ["systolic"]) == as_markdown(outcomes[1], ["systolic"])


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def test_command_writes_the_page(tmp_path):
    page = tmp_path / "page.md"
    done = invoke("--arch", "tpu_v1", "--processes", 1, "-o", page)
    assert done.exit_code == 0, done.output
    assert "Systolic arrays: 8 hold" in done.output
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Published numbers against ours\n")
    assert "| `systolic.reported.2048-1-128` | 2048-1-128 | 2,304 cycles | 2,304 cycles | 0 % |" in text
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]


def test_surprises_end_with_status_1(monkeypatch):
    monkeypatch.setattr("accelsim.validation.check.check", lambda *a, **k: [broken(False, "")])
    assert invoke("--arch", "eie").exit_code == 1


@pytest.mark.parametrize(("arguments", "message"), [
    (["--arch", "nosuch"], "no shipped architecture is called 'nosuch'"),
    (["--arch", "systolic", "-o", "nosuch/page.md"], "cannot be written"),
    (["--arch", "systolic", "-o", "."], "is a folder"),
    (["--arch", "systolic", "--golden", "nosuch"], "not a folder")])
def test_mistakes(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert list(tmp_path.iterdir()) == []


