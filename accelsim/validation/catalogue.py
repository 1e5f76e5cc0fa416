"""Every chapter: `claims.py` in the folder of a machine, and the designs that have no machine here."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from accelsim.arch.registry import kinds, load_arch
from accelsim.errors import ConfigError
from accelsim.validation import without_machine
from accelsim.validation.claim import Chapter
from accelsim.yaml import did_you_mean


@cache
def chapters() -> dict[str, Chapter]:
    """Name -> chapter, by name; those without claims last."""
    beside = [module.removesuffix("machine") + "claims" for module in kinds().values()]
    found = [import_module(name).CHAPTER for name in beside if find_spec(name)] + [without_machine.CHAPTER]
    return {chapter.name: chapter for chapter in sorted(found, key=lambda chapter: (not chapter.groups, chapter.name))}


def chapter_names(archs: list[str]) -> list[str]:
    """The chapters about `archs`: chapters, kinds, presets or architecture files; all of them when there is none.

    Raises ConfigError for a name that is none of these, and for a machine of which nothing is published here.
    """
    if not archs:
        return list(chapters())
    by_kind = {kind: chapter.name for chapter in chapters().values() for kind in chapter.kinds}
    wanted = set()
    for arch in archs:
        kind = arch if arch in by_kind or arch in kinds() else None
        if arch in chapters() and chapters()[arch].groups:
            wanted.add(arch)
        elif (kind := kind or load_arch(arch).kind) in by_kind:
            wanted.add(by_kind[kind])
        else:
            raise ConfigError(f"nothing published is kept of machines of kind {kind!r}{did_you_mean(kind, by_kind)}; "
                              f"wanted one of {', '.join(chapters())}")
    return [name for name in chapters() if name in wanted]
