"""Does SCNN's reference compute every layer? Drawn layers, every parameter, every policy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul


def tensors(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """int8 tensors with about as many zeros as not."""
    values = st.one_of(st.just(0), st.integers(-128, 127))
    return arrays(np.int8, shape, elements=values, fill=st.sampled_from([0, 0, 3]))


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    groups = draw(st.integers(1, 3))
    per_group, filters = draw(st.integers(1, 6 // groups)), groups * draw(st.integers(1, 6 // groups))
    kernel, dilation = ([draw(st.integers(1, high)) for _ in range(2)] for high in (3, 2))
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = [draw(st.integers(0, e)) for e in extent]
    plane = [draw(st.integers(max(1, e - 2 * p), 9)) for e, p in zip(extent, padding, strict=True)]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    weight = draw(tensors((filters, per_group, *kernel)))
    activation = draw(tensors((draw(st.integers(1, 2)), groups * per_group, *plane)))
    bias = draw(st.none() | arrays(np.int32, filters, elements=st.integers(-9, 9)))
    return conv2d("drawn", weight, activation, stride, padding, dilation, groups, bias)


@st.composite
def matrix_products(draw: st.DrawFn) -> Layer:
    groups, out, n_in, batch = (draw(st.integers(1, high)) for high in (3, 6, 9, 3))
    weight, activation = draw(tensors((groups, out, n_in))), draw(tensors((groups, batch, n_in)))
    if groups > 1:
        return matmul("drawn", weight, activation)
    return linear("drawn", weight[0], activation[0], draw(st.none() | arrays(np.int32, out)))


CHANGES = st.fixed_dictionaries({
    "pe_rows": st.integers(1, 3), "pe_cols": st.integers(1, 3), "weight_vector": st.integers(1, 4),
    "activation_vector": st.integers(1, 4), "banks": st.sampled_from([1, 2, 3, 5, 8, 32]),
    "accumulator_entries": st.sampled_from([25, 40, 100, 1024]), "bank_hash": st.sampled_from(["xor", "address"]),
    "bank_queue_entries": st.sampled_from([0, 1, 2, 8]), "index_bits": st.integers(0, 4),
    "weight_order": st.sampled_from(["taps_outer", "filters_outer"]),
    "tiling": st.sampled_from(["input_plane", "padded_plane"]),
    "kc_rule": st.sampled_from(["accumulators", "output_tile"]), "kc_max": st.integers(0, 3),
    "barrier": st.sampled_from(["group", "channel"]),
    "halo": st.sampled_from(["none", "exchange", "widest_neighbour"]), "halo_entries_per_cycle": st.integers(1, 4),
    "post": st.sampled_from(["overlapped", "serial"]), "post_entries_per_cycle": st.integers(0, 4),
    "iaram_bits": st.sampled_from([0, 10, 100, 400, 2000]), "oaram_bits": st.sampled_from([0, 100, 2000]),
    "weight_fifo_entries": st.integers(0, 4)})
POLICIES = st.sampled_from(["equal_planes", "balanced_planes", "output_channels_first"])


@given(layer=convolutions() | matrix_products(), changes=CHANGES, policy=POLICIES)
def test_output_and_laws_on_drawn_layers(simulate, scnn, planes, layer, changes, policy):
    simulate(layer, scnn.but(**changes), getattr(planes, policy))
