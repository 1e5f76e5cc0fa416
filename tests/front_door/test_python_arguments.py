"""Everything that Python can hand to the API: it works, or one clear error of accelsim's says what was wanted."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from front_door.messages import LONGEST_MESSAGE
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app
from accelsim.errors import AccelsimError


def small(values: Any = None) -> accelsim.Trace:
    weight = np.arange(-6, 6, dtype=np.int8).reshape(3, 4) if values is None else values
    return accelsim.Trace([accelsim.linear("a", weight, [1, 0, 2, 3]), accelsim.linear("b", np.eye(3, dtype=int),
                                                                                     [1, 2, 0])], name="small")


class Rude:
    """Fails at whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array")

    __len__ = __iter__ = __index__ = __array__


ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 5, -1, 10**20, 10**5000, 0.0, 1.5, math.nan, math.inf, 1j, Fraction(1, 2), "", "x",
    "eie", "small", "a\0b", "\ud800", "\x1b[31m", "x" * 10**6, b"x", (), [], {}, set(), [[]], [None], ["x"], [1, 2],
    ["a", "b"], {"x": 1}, {1: 2}, {"pes": None}, object(), Rude(), int, len, lambda *_: 5, iter([1]), range(3),
    np.int64(4), np.float64(2.5), np.bool_(True), np.str_("eie"), np.array(5), np.zeros(3), np.zeros((2, 2), int),
    np.array(["x"]), np.array([None]), np.ma.array([1, 2], mask=[0, 1]), np.array([1], "datetime64[s]"), np.zeros(2,
    [("f", int)]), Path("nowhere"), "/", ".", ["nothing"] * 100_000, {f"k{n}": n for n in range(10_000)}, small(),
    small().layers[0], accelsim.load_arch("eie"), [small()], accelsim.simulate,
)
WEIGHT, IMAGE = np.ones((2, 1, 1, 1), np.int8), np.ones((1, 1, 2, 2), np.int8)
NETWORK = accelsim.load_workload("mobilenet_v1_05_128")
PLAN = replace(NETWORK, layers=NETWORK.layers[:1], edges=())
RESULT = accelsim.simulate(small())
MATRIX = Path(__file__).parent / "matrix.smtx"
# every function and class that is called, with sound arguments by name
CELL = {"weight": [[1, 2]], "recurrent_weight": [[1]]}
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Trace": (accelsim.Trace, {"layers": small().layers, "name": "t", "edges": [("a", "b")], "made_by": {}}),
    "sparse_matmul": (accelsim.sparse_matmul, {"name": "p", "a": [[1, 0]], "b": [[1], [2]]}),
    "load_matrix": (accelsim.load_matrix, {"path": MATRIX, "variable": None, "pattern": False}),
    "draw_sparse": (accelsim.draw_sparse, {"pattern": "banded", "shape": (5, 5), "nonzeros": 3, "seed": 1,
                                           "exponent": 1.0, "width": 2, "block": 2, "values": True}),
    "linear": (accelsim.linear, {"name": "l", "weight": [[1, 2]], "activation": [1, 2], "bias": None}),
    "matmul": (accelsim.matmul, {"name": "l", "weight": [[[1, 2]]], "activation": [[[1, 2]]]}),
    "conv2d": (accelsim.conv2d, {"name": "l", "weight": WEIGHT, "activation": IMAGE, "stride": 1, "padding": 0,
                                 "dilation": 1, "groups": 1, "bias": None}),
    "recurrent": (accelsim.recurrent, {"name": "r", "cell": "rnn", "activation": [[[1, 2]], [[3, 0]]], "weights": CELL,
                                       "states": None, "inner": None, "lengths": None}),
    "simulate": (accelsim.simulate, {"trace": small(), "arch": "eie", "engine": "kernel", "policy": None, "set": None}),
    "load_arch": (accelsim.load_arch, {"arch": "eie", "changes": None}),
    "load_trace": (accelsim.load_trace, {"path": "digits_cnn"}),
    "load_workload": (accelsim.load_workload, {"name": "alexnet"}),
    "draw_trace": (accelsim.draw_trace, {"workload": PLAN, "seed": 1, "batch": 1, "values": False, "uniform": False,
                                         "dispersion": None, "layers": None}),
    "compare_policies": (accelsim.compare_policies, {"trace": small(), "arch": "eie", "policies": "row_block",
                                                     "vary": None}),
    "sweep": (accelsim.sweep, {"study": {"archs": "eie", "set": {"spmat_width_bits": 2}}, "store": None,
                               "scheduler": None, "workers": 1, "resume": False, "retry_failed": False,
                               "traces": [small()]}),
    "prune": (accelsim.prune, {"what": small(), "spec": "magnitude:0.5", "skip": ()}),
    "timeline": (accelsim.timeline, {"result": RESULT, "layer": None, "window": None, "limit": 1000}),
    "quantize": (accelsim.quantize, {"values": [0.5, 1.0], "bits": 8, "scale": None}),
}
# (the study of `sweep` has no point that can run, so that no worker is started)
BY_OTHER_TESTS = {"record"}  # tests/workload/record/test_hostile.py


def problem_of(call: Callable[..., Any], arguments: dict[str, Any], must_be_refused: bool = False) -> str | None:
    """None when the call works or is refused as it should be, else what went wrong."""
    try:
        call(**arguments)
    except AccelsimError as error:
        text = str(error)
        if " object at 0x" in text or len(text) > LONGEST_MESSAGE:
            return f"{len(text)} characters: {text[:200]}"
        return None
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "worked" if must_be_refused else None


def test_every_public_call_is_tried() -> None:
    called = {name for name in accelsim.__all__
              if not isinstance(getattr(accelsim, name), type) and callable(getattr(accelsim, name))}
    assert called - BY_OTHER_TESTS == set(CALLS) - {"Trace"}


@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_one_at_a_time(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, sound = CALLS[name]
    assert problem_of(call, sound) is None
    problems = {}
    for key, (number, odd) in itertools.product(sound, enumerate(ODD)):
        problem = problem_of(call, sound | {key: odd})
        if problem is not None:
            problems[f"{key} = ODD[{number}] ({type(odd).__name__})"] = problem
    assert not problems, "\n".join(f"{name}: {where}: {problem}" for where, problem in problems.items())


def test_what_is_not_taken_silently() -> None:
    """Masks, numbers of numpy's, assignments: each has one meaning."""
    masked = np.ma.array([[1, 2]], mask=[[0, 1]], dtype=np.int8)
    for make in (lambda: accelsim.linear("l", masked, [1, 2]), lambda: accelsim.linear("l", [[1, 2]], masked[0]),
                 lambda: accelsim.linear("l", [masked[0]], [1, 2]),
                 lambda: accelsim.linear("l", [[1, 2]], [1, 2], masked[0, :1])):
        with pytest.raises(accelsim.TraceError, match=r"is a masked array.*fill it first, for example with \.filled"):
            make()
    result = accelsim.simulate(small(), set={"pes": np.int64(4), "clock_mhz": np.float32(500.0)})
    assert result.run_id == accelsim.simulate(small(), set={"pes": 4, "clock_mhz": 500.0}).run_id
    trace = small()
    for name in ("layers", "edges", "name", "made_by", "digest", "other"):
        with pytest.raises(AttributeError, match="a trace does not change: make another"):
            setattr(trace, name, ())
    str(accelsim.simulate(trace))


def test_a_layer_owns_its_tensors(tmp_path: Path) -> None:
    """Whatever its tensors were made from may change later: views, memmaps, buffers, and flags that are set back."""
    base = np.arange(12, dtype=np.int8).reshape(3, 4)
    locked = base.view()
    locked.flags.writeable = False
    mapped = np.memmap(tmp_path / "m", np.int8, "w+", shape=(3, 4))
    mapped[:] = base
    read_only = np.memmap(tmp_path / "m", np.int8, "r", shape=(3, 4))
    store = bytearray(base.tobytes())
    buffer = np.frombuffer(memoryview(store).toreadonly(), np.int8).reshape(3, 4)
    bias = np.array([1, 2, 3], np.int32)
    layers = [accelsim.linear(str(n), weight, [1, 0, 2, 3], bias)
              for n, weight in enumerate((base, locked, locked[:, ::1], mapped, read_only, buffer))]
    layers.append(replace(layers[0], name="replaced", weight=base[None]))
    wanted, digests = base.copy(), [layer.digest for layer in layers]
    base[:], mapped[:], store[:], bias[:] = 7, 7, b"\x07" * 12, 7
    for layer, digest in zip(layers, digests, strict=True):
        assert (layer.weight[0] == wanted).all() and layer.bias.tolist() == [1, 2, 3]
        assert replace(layer).digest == digest
        for tensor in (layer.weight, layer.activation, layer.bias):
            with pytest.raises(ValueError, match="WRITEABLE"):
                tensor.flags.writeable = True
    odd = np.array([[0, 1, 2, 255]], np.uint8).view(bool)  # bytes that no comparison makes
    pattern = accelsim.linear("p", odd, [True] * 4)
    assert pattern.digest == accelsim.linear("p", [[False, True, True, True]], [True] * 4).digest


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
                    | st.just("\ud800"), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8)


def saved_or_refused(tmp_path: Path, **about: Any) -> str:
    """What `Trace` takes is saved and loaded again as it was."""
    try:
        trace = accelsim.Trace(small().layers, **about)
    except accelsim.TraceError as error:
        return "refused" if len(str(error)) <= LONGEST_MESSAGE else str(error)
    again = accelsim.load_trace(trace.save(tmp_path / "t.safetensors"))
    assert (again.name, again.made_by, again.digest) == (trace.name, trace.made_by, trace.digest)
    return "saved"


@given(made_by=st.dictionaries(st.text(st.characters(), max_size=6), JSON, max_size=4), name=st.text(max_size=12))
def test_what_a_trace_takes_it_can_save_and_load(tmp_path_factory: pytest.TempPathFactory, made_by: Any,
                                                 name: str) -> None:
    saved_or_refused(tmp_path_factory.getbasetemp(), made_by=made_by)
    saved_or_refused(tmp_path_factory.getbasetemp(), name=name)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("made_by", "outcome"), [
    ({"x": "\ud800"}, "refused"), ({"\ud800": 1}, "refused"), ({"x": math.nan}, "refused"),
    ({"x": 10**5000}, "refused"),
    ({"x": 10**4000}, "saved"), ({"x": 1e308}, "saved"), ({"x": object()}, "refused"), ({"x": "\0\x1b"}, "saved"),
    ({"x": "y" * (1 << 24)}, "refused"), ({f"key {n}": n for n in range(200_000)}, "saved"), ({1: 2}, "saved"),
    ([("x", 1)], "saved"), ("x", "refused"), (5, "refused"), ({"x": nested(100_000)}, "refused"),
])
def test_odd_provenance(tmp_path: Path, made_by: Any, outcome: str) -> None:
    assert saved_or_refused(tmp_path, made_by=made_by) == outcome


def test_every_depth_of_provenance_is_saved_or_refused(tmp_path: Path) -> None:
    outcomes = [saved_or_refused(tmp_path, made_by={"x": nested(depth)}) for depth in (1, 100, *range(180, 210), 300)]
    assert outcomes[0] == "saved" and outcomes[-1] == "refused"
    assert outcomes == sorted(outcomes, reverse=True)  # one limit


def test_long_names_and_many_facts_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for make in (lambda name: accelsim.Trace(small().layers, name), lambda name: accelsim.linear(name, [[1]], [1])):
        with pytest.raises(accelsim.TraceError, match="has 1,000,000 characters, more than 1,000") as raised:
            make("x" * 10**6)
        assert len(str(raised.value)) < 200
        make("x" * 1000)
    facts = {f"key {n}": "v" * 1000 for n in range(16_000)}
    accelsim.Trace(small().layers, "many", made_by=facts).save("many.safetensors")
    shown = CliRunner().invoke(app, ["show", "many.safetensors"]).stdout
    assert len(shown) < 30_000 and "... and 15,960 more" in shown
    layers = [accelsim.linear(f"{'layer' * 150} {n % 500}", [[1]], [1]) for n in range(1000)]
    names = [layer.name for layer in layers[:500]]
    ring = [*names, names[0]]
    for wrong in (lambda: accelsim.Trace(layers), lambda: accelsim.Trace(layers[:1], edges=itertools.pairwise(names)),
                  lambda: accelsim.Trace(layers[:500], edges=itertools.pairwise(ring))):
        with pytest.raises(accelsim.TraceError, match=r"\.\.\. and \d+ more") as raised:
            wrong()
        assert len(str(raised.value)) < 1000
