"""What a user should know of a layer on an EIE design, besides the numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer


def notes_of(layer: Layer, config: EieConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
    """Repeated vectors, exceeded SRAMs, a codebook that is too small. `mapping` is that of the run."""
    vectors, peak_entries = mapping["vectors"], mapping["peak_entries_per_pe"]
    if isinstance(layer, Conv2d):
        yield f"convolution run as {vectors:,} im2col vectors in {layer.groups} group(s), one after the other"
    elif vectors > 1:
        yield f"batch run as {vectors:,} vectors, one after the other"
    how = "loaded in parts for each vector" if config.loads_weights else "loading it in parts is not modelled"
    held = int(config.spmat_kbytes * 8192) // (config.weight_bits + config.index_bits)
    if peak_entries > held:
        yield f"a PE holds {peak_entries:,} entries, its SRAM {held:,} (spmat_kbytes={config.spmat_kbytes:g}): {how}"
    columns = layer.weight[0].size if isinstance(layer, Conv2d) else layer.weight.shape[2]
    pointers, room = columns + (layer.bias is not None) + 1, int(config.pointer_kbytes * 1024) // 2
    if pointers > room:
        yield (f"a PE holds {pointers:,} pointers of 16 bits, its SRAM {room:,} "
               f"(pointer_kbytes={config.pointer_kbytes:g}): {how}")
    if layer.has_values:
        distinct, codes = len(np.unique(layer.weight[layer.weight != 0])), (1 << config.weight_bits) - 1
        if distinct > codes:
            yield (f"{distinct} distinct non-zero weights, the codebook has {codes}: run as if weights were shared "
                   "(cycles depend on their positions alone)")
