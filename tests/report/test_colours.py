"""Is the colour of a stall the same everywhere, and told apart by everybody?"""

import itertools

import numpy as np
import pytest

from accelsim.arch.registry import kinds, machine
from accelsim.hw.memory.tiles import STALLS
from accelsim.report import colours

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB; and OKLab (Ottosson 2020)
SIGHTS = {"normal": np.eye(3),
          "protanopia": [[.152286, 1.052583, -.204868], [.114503, .786281, .099216], [-.003882, -.048116, 1.051998]],
          "deuteranopia": [[.367322, .860646, -.227968], [.280085, .672501, .047413], [-.011820, .042940, .968881]]}
TO_CONES = np.array([[.4122214708, .5363325363, .0514459929], [.2119034982, .6806995451, .1073969566],
                     [.0883024619, .2817188376, .6299787005]])
TO_LAB = np.array([[.2104542553, .7936177850, -.0040720468], [1.9779984951, -2.4285922050, .4505937099],
                   [.0259040371, .7827717662, -.8086757660]])


def seen(colour: str, sight: str) -> np.ndarray:
    """The colour in OKLab as that sight has it."""
    srgb = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= .04045, srgb / 12.92, ((srgb + .055) / 1.055) ** 2.4)
    return TO_LAB @ np.cbrt(TO_CONES @ np.clip(SIGHTS[sight] @ linear, 0, 1))


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_stalls_of_a_machine_with_memory_are_told_apart(kind: str) -> None:
    found = colours.of_stalls([*machine(kind).stall_names, *STALLS])
    for (a, one), (b, other) in itertools.combinations(found.items(), 2):
        for sight in SIGHTS:
            distance = np.linalg.norm(seen(one, sight) - seen(other, sight))
            assert distance > 0.1, f"{a} and {b} look alike under {sight}"


def test_stalls_of_one_cause_share_its_colours() -> None:
    """More names than colours: every name has a colour of its own cause or one that nobody else needs."""
    everything = dict.fromkeys(name for kind in sorted(kinds()) for name in machine(kind).stall_names)
    found = colours.of_stalls(everything)
    assert found["busy"] == colours.BUSY
    assert list(found.values()).count(colours.BUSY) == 1
    assert found["barrier"] != found["busy"]


def test_unknown_stalls_have_colours_that_are_not_busy() -> None:
    found = colours.of_stalls(["busy", "tea_break", "", "<b>", "\ud800"])
    assert len(set(found.values())) == 5
    assert found == colours.of_stalls(["busy", "tea_break", "", "<b>", "\ud800"])
