"""How the reduction is cut into units and positions into groups. Rules: docs/machines/lanes.md."""

from accelsim.arch.lanes.shared.products import LaneProduct
from accelsim.arch.lanes.shared.schedule import Schedule


def reduction_units(product: LaneProduct, schedule: Schedule) -> list[list[int]]:
    """Indices of each unit of the whole reduction."""
    everything = list(range(product.taps * product.channels))
    if schedule.crosses_taps:
        return _cut(everything, schedule.unit)
    taps = _cut(everything, product.channels)
    return [unit for tap in taps for unit in _cut(tap, schedule.unit)]


def lane_units(product: LaneProduct, schedule: Schedule, part: int) -> list[list[int]]:
    """Indices of each unit of one of the lanes that divide the reduction."""
    if schedule.lane_map == "slices":
        size = product.channels // schedule.reduction_lanes
        own = [tap * product.channels + channel for tap in range(product.taps)
               for channel in range(part * size, (part + 1) * size)]
        return _cut(own, schedule.unit)
    return reduction_units(product, schedule)[part::schedule.reduction_lanes]


def group_positions(product: LaneProduct, schedule: Schedule) -> list[list[int]]:
    """Positions of each group, in order; with columns a group never crosses a row."""
    positions = list(range(len(product.values)))
    size = schedule.group_positions or -(-len(positions) // schedule.sections)
    if schedule.columns == 1:
        return _cut(positions, size)
    return [group for row in _cut(positions, product.row) for group in _cut(row, size)]


def _cut(numbers: list[int], size: int) -> list[list[int]]:
    """Runs of `size`, the last may be short; 0 = all in one."""
    size = size or max(1, len(numbers))
    return [numbers[i:i + size] for i in range(0, len(numbers), size)]
