"""Claims: figures that were published about a machine, and how the simulator computes them.

A claim is one figure. Claims that share a source, an assumption and simulations form a group, which is one table of the
page and one piece of work for a process. The groups of a machine form its chapter.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accelsim.validation.target import Target

QUICK_SECONDS = 2  # groups that take no longer run with every test run


@dataclass(frozen=True)
class Claim:
    """One published figure.

    id: unique in its chapter. what: what was measured, with the unit of the figure in `unit`. ours: our figure, from
    real simulations; in a group that needs data it is called with the path of the data. note: what holds of this
    figure alone. miss: the cause when ours is known not to agree; a claim without one is expected to hold.
    """

    id: str
    what: str
    target: Target
    ours: Callable[..., float]
    unit: str = ""
    note: str = ""
    miss: str = ""


@dataclass(frozen=True)
class Group:
    """Claims with one source and one assumption.

    source: paper or artifact, with its section. assumption: what we took where the source is silent, seeds included.
    seconds: about how long it takes on one core, compilation aside. needs: a file of third-party data that is not part
    of the project, as a path in the folder of such data.
    """

    title: str
    source: str
    assumption: str
    claims: tuple[Claim, ...]
    seconds: float = 1.0
    needs: str = ""

    @property
    def quick(self) -> bool:
        return self.seconds <= QUICK_SECONDS


@dataclass(frozen=True)
class Chapter:
    """All that was published of one machine.

    name: as in `accelsim validate --arch`. kinds: the kinds of configuration it is about. exact, abstracted: a
    paragraph each. unchecked: published figures without a claim, each with the reason.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    exact: str
    abstracted: str
    groups: tuple[Group, ...]
    unchecked: tuple[tuple[str, str], ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for group in self.groups for claim in group.claims)
