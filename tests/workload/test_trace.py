"""Traces: what goes in comes out bit for bit, the same trace is the same bytes, and the digest sees every element."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workload.test_layer import NAMES_THAT_ACT, convolutions, sparse

from accelsim import Trace, TraceError, conv2d, linear, load_trace, matmul
from accelsim.workload.layer import Layer

pytestmark = pytest.mark.small


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    op, (a, b, c, g) = draw(st.sampled_from(["conv2d", "linear", "matmul"])), rng.integers(1, 9, 4)
    bits = draw(st.booleans())
    if op == "conv2d":
        made = draw(convolutions())
        return conv2d("c", made.weight != 0, made.activation != 0, made.stride, made.padding, made.dilation,
                      made.groups) if bits else made
    if op == "matmul":
        return matmul("m", sparse(rng, (g, a, b)), sparse(rng, (g, c, b), np.int16))
    weight, activation = sparse(rng, (a, b), rng.choice((np.int8, np.int16))), sparse(rng, (c, b))
    bias = draw(st.sampled_from((None, np.arange(a) - 2, np.arange(a) > 2)))
    return linear("l", weight != 0, activation != 0, bias) if bits else linear("l", weight, activation, bias)


def renamed(made: list[Layer]) -> list[Layer]:
    for index, layer in enumerate(made):
        object.__setattr__(layer, "name", f"{layer.name}{index}")
    return made


@given(made=st.lists(layers(), min_size=1, max_size=4), data=st.data())
def test_round_trip_is_bit_exact(tmp_path_factory: pytest.TempPathFactory, made: list[Layer],
                                 data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("trace")
    names = [layer.name for layer in renamed(made)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1:]]
    edges = data.draw(st.none() | (st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([])))
    trace = Trace(made, "any", edges, {"seed": 3, "nested": {"list": [1, 2.5, None]}, "text": "é <b>"})
    first = trace.save(folder / "one.safetensors").read_bytes()
    back = load_trace(folder / "one.safetensors")
    assert (back.name, back.edges, back.made_by, back.digest) == (trace.name, trace.edges, trace.made_by, trace.digest)
    for one, two in zip(trace, back, strict=True):
        assert (type(one), one.name, one.geometry, one.digest) == (type(two), two.name, two.geometry, two.digest)
        for role in ("weight", "activation", "bias"):
            a, b = getattr(one, role), getattr(two, role)
            assert (a is None) == (b is None)
            assert a is None or (a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
            assert b is None or not b.flags.writeable
    assert back.save(folder / "two.safetensors").read_bytes() == first
    assert {path.name for path in folder.iterdir()} == {"one.safetensors", "two.safetensors"}


@given(made=st.lists(layers(), min_size=1, max_size=3), data=st.data())
def test_digest_changes_with_any_element(made: list[Layer], data: st.DataObject) -> None:
    before = Trace(renamed(made)).digest
    layer = data.draw(st.sampled_from(made))
    role = data.draw(st.sampled_from([r for r in ("weight", "activation", "bias") if getattr(layer, r) is not None]))
    tensor = getattr(layer, role).copy()
    tensor.flat[data.draw(st.integers(0, tensor.size - 1))] ^= 1
    object.__setattr__(layer, role, tensor)
    layer.__dict__.pop("digest", None)
    assert Trace(made).digest != before


def test_digest_sees_the_graph_and_not_where_it_came_from() -> None:
    a, b = linear("a", [[1]], [1]), linear("b", [[1]], [1])
    chain = Trace([a, b])
    assert chain.digest == Trace([a, b], "other", [("a", "b")], {"seed": 4}).digest
    assert len({chain.digest, Trace([a, b], edges=[]).digest, Trace([a, b], edges=[("b", "a")]).digest,
                Trace([b, a], edges=[("a", "b")]).digest}) == 4


def test_patterns_take_one_bit_an_element(tmp_path: Path) -> None:
    big = np.random.default_rng(1).random((1000, 1000)) < 0.1
    assert Trace([linear("fc", big, big[:1])]).save(tmp_path / "t.safetensors").stat().st_size < 1000 * 1000 / 8 + 2000


def test_graph_and_look_up() -> None:
    trace = Trace([linear(name, [[1]], [1]) for name in "abc"], edges=[("a", "c"), ("b", "c")])
    assert sorted(trace.graph.edges) == [("a", "c"), ("b", "c")]
    assert trace.graph.nodes["a"]["layer"] is trace["a"] is trace.layers[0]
    assert repr(trace) == "Trace('trace', 3 layers, 3 dense MACs)"
    with pytest.raises(KeyError):
        trace["d"]


ONE = linear("a", [[1]], [1])


@pytest.mark.parametrize(("make", "told"), [
    (lambda: Trace([]), "trace 'trace' has no layers; give at least one"),
    (lambda: Trace([ONE, ONE]), "trace 'trace': layer names repeat: a; give each its own"),
    (lambda: Trace(["a"]), "a trace is made of layers (accelsim.linear, conv2d, matmul), got str"),
    (lambda: Trace([ONE], edges=[("a", "b")]), "trace 'trace': edges name unknown layers: b"),
    (lambda: Trace([ONE], edges=[("a", "a")]), "trace 'trace': edges form a cycle: a -> a"),
    (lambda: Trace([ONE], edges=[("a",)]), "trace 'trace': edge ('a',) is not a pair of layer names"),
    (lambda: Trace([ONE], edges=["ab"]), "trace 'trace': edge 'ab' is not a pair of layer names"),
    (lambda: Trace([ONE], edges=[("a", ["a"])]), "trace 'trace': edge ('a', ['a']) is not a pair of layer names"),
    (lambda: Trace([ONE], made_by={"x": float("nan")}), "trace 'trace': made_by cannot be stored as JSON ("),
    (lambda: Trace([ONE], made_by={"x": {1, 2}}), "trace 'trace': made_by cannot be stored as JSON ("),
])
def test_mistakes_are_refused(make: Any, told: str) -> None:
    with pytest.raises(TraceError) as raised:
        make()
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("name", NAMES_THAT_ACT)
def test_names_that_act_on_a_terminal_are_refused(name: str) -> None:
    with pytest.raises(TraceError, match="a trace's name must be text of printable characters, got "):
        Trace([ONE], name)


def test_provenance_that_acts_on_a_terminal_is_shown_inert() -> None:
    from accelsim.report.workloads import trace_text

    text = trace_text(Trace([ONE], made_by={"\x1b[31mkey": "\x1b]0;title\a", "long": "x" * 10_000}))
    assert "\x1b" not in text
    assert "\a" not in text
    assert r"\x1b[31mkey: \x1b]0;title\x07" in text
    assert len(text) < 3000


def test_a_failed_save_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "taken.safetensors").mkdir()
    with pytest.raises(TraceError, match=r"taken\.safetensors: cannot be written \(.*\); choose another path"):
        Trace([ONE]).save(tmp_path / "taken.safetensors")
    with pytest.raises(TraceError, match="cannot be written"):
        Trace([ONE]).save(tmp_path / "gone" / "t.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.safetensors"]


def test_header_is_plain_json_without_paths_or_times(tmp_path: Path) -> None:
    from front_door.trace_mutations import ours, unpack

    own = ours(unpack(Trace([ONE], "t", made_by={"seed": 1}).save(tmp_path / "t.safetensors").read_bytes())[0])
    assert set(own) == {"format", "name", "made_by", "layers", "edges", "digest"}
    assert str(tmp_path) not in json.dumps(own)
