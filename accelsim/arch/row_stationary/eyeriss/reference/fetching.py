"""Which of the streams that a pass needs come from DRAM, and which are in the global buffer already.

Source: docs/machines/eyeriss.md, Counts.
"""

from collections.abc import Sequence

from accelsim.arch.row_stationary.eyeriss.reference.compressed import Stream
from accelsim.arch.row_stationary.eyeriss.reference.schedule import StreamKey

Streams = dict[StreamKey, Stream]


def network_bits(streams: Streams) -> int:
    """As they cross the network and lie in the global buffer."""
    return sum(stream.bits for stream in streams.values())


def dram_bits(streams: Streams) -> int:
    """As they lie in DRAM."""
    return sum(stream.dram_bits for stream in streams.values())


def fetched_streams(chunks: Sequence[Sequence[Streams]], room_bits: int) -> list[Streams]:
    """What each pass fetches. chunks: what each pass needs, chunk by chunk. room_bits: of the global buffer for inputs.

    Streams stay for the layer if all of them fit, else for the passes of a chunk if those of the chunk do.
    """
    layer = [needed for chunk in chunks for needed in chunk]
    if _fit(layer, room_bits):
        return _each_once(layer)
    fetched: list[Streams] = []
    for chunk in chunks:
        fetched += _each_once(chunk) if _fit(chunk, room_bits) else chunk
    return fetched


def _fit(passes: Sequence[Streams], room_bits: int) -> bool:
    """All that the passes need has room side by side, in the network's form."""
    return network_bits({key: stream for needed in passes for key, stream in needed.items()}) <= room_bits


def _each_once(passes: Sequence[Streams]) -> list[Streams]:
    """What each pass needs and none before it did."""
    held: set[StreamKey] = set()
    fetched = []
    for needed in passes:
        fetched.append({key: stream for key, stream in needed.items() if key not in held})
        held |= needed.keys()
    return fetched
