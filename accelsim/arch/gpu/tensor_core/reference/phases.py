"""The order of events within one cycle.

Source: docs/machines/tensor_core.md, section Machine: what happens in one cycle happens in the order of SM, then slot,
and sees everything that arrived up to that cycle. So a cycle has three phases, told apart by the priority of SimPy
events: first all that moves by itself arrives (SimPy's normal priority), then the math units choose, then the CTAs
act, in order.
"""

import simpy
from simpy.events import NORMAL, EventPriority

CHOICE = NORMAL + 1
FIRST_TURN = NORMAL + 2


class _Phase(simpy.Event):
    """Fires in the present cycle, after all events of lower priority numbers."""

    def __init__(self, env: simpy.Environment, priority: int) -> None:
        super().__init__(env)
        self._ok, self._value = True, None  # triggered from the start, as simpy.Timeout is
        env.schedule(self, EventPriority(priority))


def choice(env: simpy.Environment) -> simpy.Event:
    """Fires in this cycle once everything has arrived that arrives in it."""
    return _Phase(env, CHOICE)


def turn(env: simpy.Environment, place: int) -> simpy.Event:
    """Fires in this cycle after all choices; turns come in the order of `place` (SM x slots per SM + slot)."""
    return _Phase(env, FIRST_TURN + place)
