"""Does the documentation run, quote and draw what is there?

The blocks of a page run in order, in one folder, as a reader would type them:

- python: executed; names stay known on the page.
- bash: lines that begin with accelsim.
- yaml: a file whose first line is `# its name`; a later command of the page must use it.
- after `<!-- file: PATH -->`: must equal that file, which has tests of its own.
- after `<!-- output -->`: must equal what the command before it printed.
- any other block has no language: plain text that cannot be run. They are counted.
"""

import importlib.util
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from accelsim import shipped
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import kinds, load_arch, machine, policies
from accelsim.cli import app
from accelsim.errors import ClusterError, ReportError

ROOT = Path(__file__).resolve().parents[1]
SITE = sorted((ROOT / "docs").rglob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *SITE, *(page for folder in ("reports", "traces", "workloads")
                                               for page in (ROOT / folder).glob("*.md"))])
MOST_PLAIN_BLOCKS = 12  # of all pages; what cannot be run is the exception
MACHINE_PAGES = {kind: ROOT / "docs" / "machines" / f"{kind}.md" for kind in sorted(kinds())}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" for plain text), its text, its line, and what the comment before it says."""

    language: str
    text: str
    line: int
    mark: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    pattern = r"(?:^<!-- (file: \S+|output) -->\n)?^```(\w*)\n(.*?)^```$"
    return [Block(language=m[2], text=m[3], line=text[:m.start(3)].count("\n"), mark=m[1] or "")
            for m in re.finditer(pattern, text, re.M | re.S)]


class Reader:
    """Someone who types a page's blocks one after the other."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self.unused_files: set[str] = set()

    def read(self, block: Block) -> None:
        if block.mark == "output":
            assert self.printed.rstrip() == block.text.rstrip(), "what the page shows is not what is printed"
        elif block.mark:
            file = ROOT / block.mark.removeprefix("file: ")
            assert block.text == file.read_text(encoding="utf-8"), f"the page quotes another {file.name}"
        else:
            ways = {"python": self.python, "bash": self.bash, "yaml": self.yaml, "": lambda text: None}
            ways[block.language](block.text)

    def python(self, text: str) -> None:
        exec(compile(text, "documentation", "exec"), self.names)

    def bash(self, text: str) -> None:
        for line in text.replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line, comments=True) or ["accelsim", "--help"]
            assert program == "accelsim", f"only accelsim commands are tested, got {line!r}"
            self.unused_files -= set(arguments)
            result = CliRunner().invoke(app, arguments)
            if "is not installed; pip install" in result.output:
                pytest.skip(result.output)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            self.printed = result.output

    def yaml(self, text: str) -> None:
        name = re.match(r"# (\S+\.yaml)$", text, re.M)
        assert name, "the first line of a yaml block is a comment with the file's name"
        Path(name[1]).write_text(text, encoding="utf-8")
        self.unused_files.add(name[1])


@pytest.fixture
def with_example(example_site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """examples/inner_join is installed."""
    known = (kinds, machine, policies)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(example_site))
        for cached in known:
            cached.cache_clear()
        yield
    for cached in known:
        cached.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "inner_join"]:
        del sys.modules[name]


@pytest.mark.parametrize("page", [str(p.relative_to(ROOT)) for p in PAGES if blocks(p)])
def test_page_runs(page, tmp_path, monkeypatch, request):
    if page == "docs/extending.md":
        request.getfixturevalue("with_example")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    reader, on_termination = Reader(), signal.getsignal(signal.SIGTERM)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, on_termination))  # a sweep sets its own
    for block in blocks(ROOT / page):
        try:
            reader.read(block)
        except (ClusterError, ReportError) as error:
            if "not installed" in str(error):
                pytest.skip(str(error))
            raise
        except Exception as error:
            error.add_note(f"{page}:{block.line}")
            raise
    assert not reader.unused_files, "no command of the page uses these files"


def test_plain_blocks_are_rare():
    plain = [f"{page.relative_to(ROOT)}:{block.line}" for page in PAGES for block in blocks(page)
             if not block.language and not block.mark]
    assert len(plain) <= MOST_PLAIN_BLOCKS, plain


@pytest.mark.parametrize("page", [str(p.relative_to(ROOT)) for p in PAGES])
def test_every_block_is_fenced(page):
    """Markdown takes indented lines for code as well; they would escape the tests."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)
    assert not re.findall(r"\n\n {4,}\S.*", text)
    assert "```" not in text, "a fence that the tests do not see"


def test_links_lead_somewhere():
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, heading = target.partition("#")
            if ":" in path:
                continue  # the web
            there = page.parent / path if path else page
            assert there.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(there), f"{page.name}: {target} names no heading"


def headings(page: Path) -> set[str]:
    """The anchors of a page as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.M)}


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / path).resolve() for path in re.findall(r"\]\(([^)#]+)", index)}
    assert set(SITE) - linked == {ROOT / "docs" / "README.md"}


@pytest.mark.parametrize("kind", MACHINE_PAGES)
def test_machine_page_says_the_same_things(kind):
    """What it is; which designs and policies there are; what is exact, what abstracted; every parameter."""
    text = MACHINE_PAGES[kind].read_text(encoding="utf-8")
    for heading in ("In short", "Parameters", "Where every", "Counts"):
        assert re.search(rf"^## {heading}", text, re.M), f"no heading {heading!r}"
    short = text.partition("## In short")[2].partition("\n## ")[0]
    for row in ("What it is", "Designs", "Policies", "Exact", "Abstracted"):
        assert f"| {row} |" in short, f"In short has no row {row!r}"
    designs = [name for name in shipped.names("arch") if load_arch(name).kind == kind]
    own_keys = set(machine(kind).config.model_fields) - set(ArchConfig.model_fields)
    for name in (*designs, *policies(kind)):
        assert f"`{name}`" in short, f"In short does not name {name!r}"
    for name in (*own_keys, *machine(kind).stall_names, *machine(kind).count_names):
        assert f"`{name}`" in text, f"{name!r} is not on the page"


def loaded(name: str) -> Any:
    """A program of the folder docs, as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_tables_follow_from_what_machines_declare():
    tables = loaded("tables")
    for page in tables.documents():
        text = page.read_text(encoding="utf-8")
        assert tables.filled(text) == text, f"{page.name}: run python docs/tables.py"


def test_picture_is_drawn_from_the_code():
    picture = loaded("pictures/data_path")
    assert picture.svg() == picture.FILE.read_text(encoding="utf-8"), "run python docs/pictures/data_path.py"


def test_notebook_runs(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="running the notebook needs the extra: pip install accelsim[dev]")
    nbclient = pytest.importorskip("nbclient", reason="running the notebook needs the extra: pip install accelsim[dev]")
    file = ROOT / "examples" / "tour.ipynb"
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    assert not [c for c in cells if c.get("outputs") or c.get("execution_count")], "commit it without outputs"
    notebook = nbformat.read(file, as_version=4)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in shown), "no table is shown"
    assert not [output for output in shown if output.get("name") == "stderr"], shown
