"""What travels with accelsim: presets, energy tables, workloads and small traces, addressed by name.

In a checkout they lie in top-level folders; in an installed wheel the same folders lie in `accelsim/shipped_data/`.
"""

from pathlib import Path

from accelsim.errors import AccelsimError, ConfigError, TraceError
from accelsim.files import reason_of
from accelsim.yaml import did_you_mean

_PACKAGE = Path(__file__).parent
_ROOT = _PACKAGE / "shipped_data" if (_PACKAGE / "shipped_data").is_dir() else _PACKAGE.parent

_SHELVES: dict[str, tuple[str, str, str, type[AccelsimError]]] = {
    # shelf: folder, ending, what a person calls one, the error of a missing one
    "arch": ("arch_configs", ".yaml", "architecture", ConfigError),
    "energy": ("arch_configs/energy", ".yaml", "energy table", ConfigError),
    "workload": ("workloads", ".yaml", "workload", ConfigError),
    "trace": ("traces", ".safetensors", "trace", TraceError),
}


def names(shelf: str) -> list[str]:
    """Names of everything on a shelf ('arch', 'energy', 'workload', 'trace'), sorted."""
    folder, ending, *_ = _SHELVES[shelf]
    return sorted(p.name.removesuffix(ending) for p in (_ROOT / folder).glob(f"*{ending}"))


def find(shelf: str, name_or_path: str) -> Path:
    """The file behind a shipped name, or behind a path (anything with a folder or the shelf's ending is a path)."""
    folder, ending, word, error = _SHELVES[shelf]
    if "\0" in name_or_path or not name_or_path:
        raise error(f"{name_or_path[:80]!r} is not the name or the path of {_article(word)}")
    path, known = Path(name_or_path), names(shelf)
    if name_or_path in known:
        return _ROOT / folder / f"{name_or_path}{ending}"
    try:
        if path.is_file():
            return path
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as problem:
        raise error(f"{word} {name_or_path[:80]!r}: {reason_of(problem)}; give a shipped name or a path") from None
    if exists:
        raise error(f"{name_or_path}: is {'a folder' if is_folder else 'not a file'}; "
                    f"give the path of {_article(word)} file")
    if path.suffix or len(path.parts) > 1:
        raise error(f"{name_or_path}: no such file; give the path of {_article(word)} file, "
                    f"or one of the shipped names: {', '.join(known)}")
    raise error(f"no shipped {word} is called {name_or_path!r}{did_you_mean(name_or_path, known)}; "
                f"give a shipped name or the path of a file")


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
