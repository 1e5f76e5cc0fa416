"""What the machine does when: see the family's `events`."""

from functools import partial

from accelsim.arch.lanes.shared.fast.events import events as family_events
from accelsim.arch.lanes.sparten.fast.engine import ENGINE

events = partial(family_events, ENGINE, "unit")
