"""Tiles as high as the plane of PEs."""


def full(extent: int, pes: int) -> int:
    """The PEs along the axis, or the whole extent if that is smaller."""
    return min(extent, pes)
