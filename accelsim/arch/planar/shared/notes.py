"""What a user should know of a layer that does not fit the PEs' memories: the words of both engines."""


def layout_notes(temporal_tiles: int, streamed: bool) -> tuple[str, ...]:
    """streamed: the activations of one position are too large for the PEs' RAM."""
    notes = []
    if temporal_tiles > 1:
        notes.append(f"the layer does not fit: {temporal_tiles} temporal tiles, weights broadcast for each")
    if streamed:
        notes.append("the activations of one position exceed the activation RAM: streamed from DRAM in every round")
    return tuple(notes)
