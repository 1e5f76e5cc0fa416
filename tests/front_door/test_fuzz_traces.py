"""Trace files, spoilt in every way we know: they load, or one TraceError says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from front_door.cases import sound_traces
from front_door.trace_mutations import ours, pack, unpack, with_ours

from accelsim import load_trace
from accelsim.errors import TraceError

Fuzz = Callable[[str, int, int], dict[str, int]]
REMAKE = "make the file again with accelsim.Trace(...).save(path)"


def test_mutated_traces(fuzz: Fuzz) -> None:
    fuzz("traces", 0, 200)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 4000, 1000))
def test_mutated_traces_in_full(fuzz: Fuzz, first: int) -> None:
    fuzz("traces", first, 1000)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], str]:
    """The message about a trace file of these bytes, without the file's name in front."""
    def message(content: bytes) -> str:
        file = tmp_path / "mine.safetensors"
        file.write_bytes(content)
        with pytest.raises(TraceError) as raised:
            load_trace(file)
        told = str(raised.value)
        assert told.startswith(f"{file}: ")
        return told.removeprefix(f"{file}: ")
    return message


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    """The trace of two layers, `conv` and `fc`."""
    return sound_traces()[0].save(tmp_path / "sound.safetensors").read_bytes()


def edited(file: bytes, edit: Callable[[dict[str, Any]], Any]) -> bytes:
    """`file` with accelsim's header changed by `edit`."""
    header, data = unpack(file)
    own = ours(header)
    edit(own)
    return pack(with_ours(header, own), data)


def test_every_truncation_is_refused(tmp_path: Path, sound: bytes) -> None:
    file = tmp_path / "cut.safetensors"
    for end in range(len(sound)):
        file.write_bytes(sound[:end])
        with pytest.raises(TraceError, match=r"cut\.safetensors: "):
            load_trace(file)


def test_every_flipped_data_byte_is_refused(tmp_path: Path, sound: bytes) -> None:
    file = tmp_path / "flipped.safetensors"
    for place in range(len(sound) - len(unpack(sound)[1]), len(sound)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1:])
        with pytest.raises(TraceError,
                           match="content does not match its digest \\(the file was changed\\); " + REMAKE[:19]):
            load_trace(file)


def test_no_trace_at_all(refused: Callable[[bytes], str]) -> None:
    assert refused(b"").startswith("not a readable safetensors file (")
    said = refused(pack({}, b""))
    assert said.startswith("a safetensors file without accelsim's header is not a trace; if it holds weights: accelsim")
    assert said.endswith(REMAKE)


def test_floats_are_refused_with_what_is_wanted(sound: bytes, refused: Callable[[bytes], str]) -> None:
    header, data = unpack(sound)
    size = header["1.activation"]["data_offsets"]
    header["1.activation"] |= {"dtype": "F16"}
    assert size[1] - size[0] == 2 * 36
    assert refused(pack(header, data)) == (
        f"tensor '1.activation' is F16 [1, 3, 12], wanted values (I8 or I16 or I32) [1, 3, 12]; {REMAKE}")


@pytest.mark.parametrize(("edit", "told"), [
    (lambda h: h["layers"][0].update(stride=[0, 1]),
     "layer 'conv': stride is 0, wanted a whole number from 1 to 65,536"),
    (lambda h: h["layers"][0].update(padding=[10**9, 0]),
     "layer 'conv': padding is 1000000000, wanted a whole number from 0 to 65,536"),
    (lambda h: h["layers"][0].update(padding=[4, 0]),
     "layer 'conv': padding 4 is larger than the filter's extent 3; outputs would see"),
    (lambda h: h["layers"][0].update(dilation=[10**18, 1]), "layer 'conv': dilation is 1000000000000000000, wanted"),
    (lambda h: h["layers"][0].update(dilation=[60000, 1]),
     "layer 'conv': a filter of extent 120001 does not fit the padded plane of 7"),
    (lambda h: h["layers"][0].update(groups=7), "layer 'conv': groups is 7, wanted a whole number from 1 to 2"),
    (lambda h: h["layers"][0].update(groups=1),
     "layer 'conv': weight [4, 1, 3, 2] with groups=1 wants 1 input channels"),
    (lambda h: h["layers"][0].update(groups=None),
     "header: layers.0.groups: Input should be a valid integer; "),
    (lambda h: h["layers"][0]["weight"].update(shape=[-4, 1, 3, 2]),
     "header: layers.0.weight.shape.0: Input should be greater than or"),
    (lambda h: h["layers"][0]["weight"].update(shape=[2**41, 1, 3, 2]),
     "header: layers.0.weight.shape.0: Input should be less than or"),
    (lambda h: h["layers"][0]["weight"].update(shape=[2**40] * 4),
     "tensor '0.weight' is I8 [4, 1, 3, 2], wanted values (I8 or I16 or"),
    (lambda h: h["layers"][0]["weight"].update(encoding="bits"),
     "tensor '0.weight' is I8 [4, 1, 3, 2], wanted bits (U8) [3]; "),
    (lambda h: h["layers"][1].update(name="conv"), "trace 'tiny': layer names repeat: conv; give each its own"),
    (lambda h: h["layers"][1].update(name="\x1b[31m"),
     r"a layer's name must be text of printable characters, got '\x1b[31m'"),
    (lambda h: h["layers"][1].update(wieght=1), "header: layers.1.wieght: Extra inputs are not permitted; "),
    (lambda h: h["layers"][1].update({"w" * 5000: 1}), f"header: layers.1.{'w' * 108}...: Extra inputs are not"),
    (lambda h: h["layers"][0].update(op="x" * 5000), f"header: layers.0: Input tag '{'x' * 200}"),
    (lambda h: h["layers"].pop(), "holds tensors that no layer names: 1.activation, 1.bias, 1.weight; "),
    (lambda h: h["layers"].append(h["layers"][0]), "tensor '2.weight' is missing; "),
    (lambda h: h.update(edges=[["conv", "fc"], ["fc", "conv"]]), "trace 'tiny': edges form a cycle: "),
    (lambda h: h.update(edges=[["conv", "nowhere"]]), "trace 'tiny': edges name unknown layers: nowhere"),
    (lambda h: h.update(edges=[["conv"]]), "trace 'tiny': edge ['conv'] is not a pair of layer names"),
    (lambda h: h.update(made_by={"x": float("nan")}), "trace 'tiny': made_by cannot be stored as JSON ("),
    (lambda h: h.update(format=3), "header: format: Input should be 1 or 2; "),
    (lambda h: h.update(digest="0" * 64), f"content does not match its digest (the file was changed); {REMAKE}"),
    (lambda h: h.pop("digest"), f"header: digest: Field required; {REMAKE}"),
])
def test_mistakes_are_told_with_their_layer(sound: bytes, refused: Callable[[bytes], str], edit: Any,
                                            told: str) -> None:
    said = refused(edited(sound, edit))
    assert said.startswith(told) and len(said) < 1000


def test_a_trace_of_thousands_of_layers_loads_in_time(tmp_path: Path) -> None:
    from accelsim import Trace, linear

    layers = [linear(f"layer {n}", [[n % 128]], [1]) for n in range(3000)]
    file = Trace(layers).save(tmp_path / "many.safetensors")
    assert len(load_trace(file)) == 3000
