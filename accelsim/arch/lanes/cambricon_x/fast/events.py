"""What the machine does when: see the family's `events`."""

from functools import partial

from accelsim.arch.lanes.cambricon_x.fast.engine import ENGINE
from accelsim.arch.lanes.shared.fast.events import events as family_events

events = partial(family_events, ENGINE, "PE")
