"""What a policy of CompAct decides; shared by policies and both engines."""

from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """A stream cut into runs. starts [run]: first positions, ascending from 0; counted [run]: its code has a count."""

    starts: np.ndarray
    counted: np.ndarray


def changes_note(changed_values: int) -> tuple[str, ...]:
    """What the user should know of a lossy code: the words of both engines."""
    if not changed_values:
        return ()
    return (f"{changed_values:,} streamed values were read back as another value: the output is that of what was read",)
