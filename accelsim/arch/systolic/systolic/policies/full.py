"""Tiles as high as the array: what the reported cycles imply."""


def full(extent: int, size: int) -> int:
    """The array's size, or the whole extent if that is smaller."""
    return min(extent, size)
