"""Do the examples of the documentation run?"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelsim.cli import app
from accelsim.errors import ClusterError, ReportError

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[object]:
    found = []
    for page in PAGES:
        for match in re.finditer(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            line = page.read_text(encoding="utf-8")[:match.start()].count("\n") + 1
            found.append(pytest.param(match.group(1), id=f"{page.relative_to(ROOT)}:{line}"))
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        exec(compile(code, "documentation", "exec"), {"__name__": "__main__"})
    except (ClusterError, ReportError) as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("code", blocks("bash"))
def test_commands(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in code.splitlines():
        program, *arguments = shlex.split(line, comments=True) or ["accelsim", "--help"]
        assert program == "accelsim", f"only accelsim commands are tested, got {line!r}"
        result = CliRunner().invoke(app, arguments)
        if result.exit_code == 2 and "which is not installed" in result.output:
            pytest.skip(result.output.strip())  # an extra
        assert result.exit_code == 0, result.output


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
