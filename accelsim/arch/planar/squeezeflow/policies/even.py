"""As few tiles, but of equal heights: every tile plane is smaller, so that more of them may be empty (our own)."""


def even(extent: int, pes: int) -> int:
    """The extent shared evenly by the fewest tiles that fit, rounded up."""
    return -(-extent // -(-extent // pes))
