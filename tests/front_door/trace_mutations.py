"""Seeded mutators of trace files: of the raw bytes, of safetensors' own header, and of accelsim's header inside it."""

import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

HOSTILE_JSON: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 7, 1.5, 2**31, 2**63, 2**64, 10**30, -2**63, "", "x", "1", "bits", "values",
    "conv2d", [], {}, [[]], [1], [0, 0], [-1, 1], [1, 1, 1], [10**9, 10**9], [2**62, 4], {"a": 1}, float("nan"),
    float("inf"), "\x00", "\ud800", "\x1b[31m", "<script>alert(1)</script>", "x" * 10_000, [[[[[[1]]]]]],
)
WIDTH_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4,
               "F32": 4, "I64": 8, "U64": 8, "F64": 8}
Parts = tuple[dict[str, Any], bytes]  # safetensors' header and the tensors' bytes


def unpack(file: bytes) -> Parts:
    """(header, data) of a sound safetensors file."""
    length = struct.unpack("<Q", file[:8])[0]
    return json.loads(file[8:8 + length]), file[8 + length:]


def pack(header: Any, data: bytes) -> bytes:
    """A safetensors file; `header` is bytes, or is written as JSON."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def ours(header: dict[str, Any]) -> dict[str, Any]:
    """accelsim's header."""
    return json.loads(header["__metadata__"]["accelsim"])


def with_ours(header: dict[str, Any], own: Any) -> dict[str, Any]:
    """`header` with accelsim's replaced; `own` is text, or is written as JSON."""
    return header | {"__metadata__": {"accelsim": own if isinstance(own, str) else json.dumps(own)}}


# raw bytes
def _truncate(rng: Random, file: bytes) -> bytes:
    length = 8 + struct.unpack("<Q", file[:8])[0]
    end = rng.choice((rng.randrange(9), rng.randrange(8, length), length, rng.randrange(length, len(file) + 1),
                      len(file) - 1))
    return file[:end]


def _header_length(rng: Random, file: bytes) -> bytes:
    length = struct.unpack("<Q", file[:8])[0]
    wrong = rng.choice((0, 1, length - 1, length + 1, length + 8, len(file), 2 * len(file), 2**20, 2**32, 2**63,
                        2**64 - 1, rng.randrange(2**64)))
    return struct.pack("<Q", wrong) + file[8:]


def _flip_bytes(rng: Random, file: bytes) -> bytes:
    data = bytearray(file)
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _append(rng: Random, file: bytes) -> bytes:
    return file + rng.randbytes(rng.choice((1, 8, 1000)))


def _junk(rng: Random, file: bytes) -> bytes:
    return rng.choice((b"", b"\x00" * 8, b"\x00" * 100, b"{}", b"PK\x03\x04", b"\x80\x04\x95pickle.",
                       rng.randbytes(200), pack({}, b""), pack([], b""), pack({"__metadata__": {}}, b""),
                       pack(b"null", b""), pack(b"", b"")))


# safetensors' own header
def _tensor(rng: Random, header: dict[str, Any]) -> str:
    return rng.choice([key for key in header if key != "__metadata__"])


def _dtype(rng: Random, file: bytes) -> bytes:
    """Another dtype, the data re-laid so that the file itself is sound; floats hold NaN."""
    header, data = unpack(file)
    key, dtype = _tensor(rng, header), rng.choice(list(WIDTH_BYTES))
    out = b""
    for name in sorted((k for k in header if k != "__metadata__"), key=lambda k: header[k]["data_offsets"]):
        first, end = header[name]["data_offsets"]
        own = data[first:end]
        if name == key:
            count = 1
            for n in header[name]["shape"]:
                count *= n
            own = rng.choice((b"\x00", b"\x01", b"\xff")) * (count * WIDTH_BYTES[dtype])
            header[name]["dtype"] = dtype
        header[name]["data_offsets"] = [len(out), len(out) + len(own)]
        out += own
    return pack(header, out)


def _entry(rng: Random, file: bytes) -> bytes:
    """One field of one tensor's entry is hostile: shapes, offsets, dtypes."""
    header, data = unpack(file)
    entry = header[_tensor(rng, header)]
    field = rng.choice(("shape", "data_offsets", "dtype"))
    odd = {"shape": ([], [0], [-1], [2**62, 2**62], [2**63, 2], [10**9] * 3, [1] * 5, entry["shape"][::-1],
                     [n + 1 for n in entry["shape"]]),
           "data_offsets": ([0, 0], [1, 0], [0, len(data)], [0, len(data) + 1], [-1, 1], [2**63, 2**64 - 1], [0], [],
                            [0, 1, 2]),
           "dtype": ("F32", "I128", "", None, 3, "i8")}[field]
    entry[field] = rng.choice((*odd, rng.choice(HOSTILE_JSON)))
    return pack(header, data)


def _overlap(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    one, two = _tensor(rng, header), _tensor(rng, header)
    header[one]["data_offsets"] = header[two]["data_offsets"]
    return pack(header, data)


def _tensors(rng: Random, file: bytes) -> bytes:
    """A tensor lost, renamed, doubled, or one too many."""
    header, data = unpack(file)
    key = _tensor(rng, header)
    change = rng.choice(("lose", "rename", "double", "more"))
    if change == "lose":
        del header[key]
    elif change == "rename":
        header[rng.choice(("x", "9.weight", "", "0.weights", "__metadata__x"))] = header.pop(key)
    elif change == "double":
        return pack(json.dumps(header).encode()[:-1] + f", {json.dumps(key)}: {json.dumps(header[key])}}}".encode(),
                    data)
    else:
        header["stray\x1b"] = {"dtype": "I8", "shape": [3], "data_offsets": [len(data), len(data) + 3]}
        data += b"abc"
    return pack(header, data)


def _metadata(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    text = json.dumps(header).encode()
    return pack(rng.choice((
        header | {"__metadata__": {}}, header | {"__metadata__": {"accelsim": 3}}, header | {"__metadata__": None},
        header | {"__metadata__": {"accelsim": ""}}, header | {"__metadata__": {"accelsim": {"a": 1}}},
        header | {"__metadata__": []}, {k: v for k, v in header.items() if k != "__metadata__"},
        text.replace(b"accelsim", b"accels\xffm"), text.replace(b"format", b"for\xc3mat"), text[:-1], text + b" " * 50,
        text + b"}", b"[" * 5000, text.replace(b"{", b"{" * 200, 1), text.replace(b"accelsim", b"other"))), data)


# accelsim's header
def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, item in inner for p in [(*path, key), *_paths(item, (*path, key))]]


def _own_value(rng: Random, file: bytes) -> bytes:
    """Any value anywhere in accelsim's header becomes a hostile one, or is lost, or a key is added beside it."""
    header, data = unpack(file)
    own = ours(header)
    *way, last = rng.choice(_paths(own))
    at = own
    for key in way:
        at = at[key]
    change = rng.random()
    if change < 0.7:
        at[last] = rng.choice(HOSTILE_JSON)
    elif change < 0.85:
        del at[last]
    elif isinstance(at, dict):
        at[rng.choice(("extra", "", "\x1b", "wieght", "__class__"))] = rng.choice(HOSTILE_JSON)
    return pack(with_ours(header, own), data)


def _own_text(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    text = json.dumps(ours(header))
    odd = rng.choice((text[:rng.randrange(len(text))], "[" * 100_000, '{"a":' * 1000,
                      text.replace("{", '{"format": 1, ', 1), "null", "[]",
                      "NaN", "", text.replace("1", "NaN"), text.replace("1", "1e999"), text + text,
                      text.replace(": 1", ": " + "1" * 5000),
                      text.replace('"made_by": {', '"made_by": {"x": ' + "[" * 150 + "]" * 150 + ", "),
                      text.replace('"made_by": {', '"made_by": {"x": NaN, '),
                      text.replace('"made_by": {', '"made_by": {"\\u001b": "\\u001b[2J", '),
                      text.replace('"made_by": {', '"made_by": {"x": ' + "9" * 5000 + ", ")))
    return pack(with_ours(header, odd), data)


def _layers(rng: Random, file: bytes) -> bytes:
    """Layers doubled, reordered, renamed or lost; names that repeat."""
    header, data = unpack(file)
    own = ours(header)
    layers = own["layers"]
    change = rng.choice(("double", "shuffle", "same", "lose", "op", "names"))
    if change == "double":
        layers.append(dict(layers[0]))
    elif change == "shuffle":
        rng.shuffle(layers)
    elif change == "same":
        for layer in layers:
            layer["name"] = "same"
    elif change == "lose":
        layers.pop()
    elif change == "op":
        layers[-1]["op"] = rng.choice(("linear", "matmul", "conv2d", "lstm"))
    else:
        layers[0]["name"] = rng.choice(("", "\n", "\ud800", "[red]x", "<b>", " ", "x" * 100_000, "\u202e"))
    return pack(with_ours(header, own), data)


def _edges(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    own = ours(header)
    names = [layer["name"] for layer in own["layers"]]
    own["edges"] = rng.choice(([[names[0], names[0]]], [[names[0], names[-1]], [names[-1], names[0]]],
                               [[names[0], "nowhere"]], [names],
                               [[]], [["a"]], [[names[0], names[-1], names[0]]], [[1, 2]], [names[0]],
                               [[names[0], names[-1]]] * 3))
    return pack(with_ours(header, own), data)


def _geometry(rng: Random, file: bytes) -> bytes:
    """Numbers of a convolution out of every range."""
    header, data = unpack(file)
    own = ours(header)
    layer = rng.choice(own["layers"])
    key = rng.choice(("stride", "padding", "dilation", "groups"))
    number = rng.choice((0, -1, 1, 2, 3, 7, 1000, 65536, 10**9, 10**18, 2**63, 10**40))
    layer[key] = number if key == "groups" else rng.choice(([number, number], [number, 1], [1, number], [number], [],
                                                            number))
    return pack(with_ours(header, own), data)


def _shapes(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    own = ours(header)
    layer = rng.choice(own["layers"])
    spec = layer[rng.choice([r for r in ("weight", "activation", "bias") if layer[r]])]
    shape = spec["shape"]
    spec["shape"] = rng.choice((shape[::-1], [-n for n in shape], [0] * len(shape), [10**15] * len(shape), [10**30],
                                shape[:-1],
                                [*shape, 1], [1, *shape], [shape[0] + 1, *shape[1:]], [], [2**62] * 4, [10**4000] * 2))
    if rng.random() < 0.3:
        spec["encoding"] = rng.choice(("bits", "values", "zip"))
    return pack(with_ours(header, own), data)


def _digest(rng: Random, file: bytes) -> bytes:
    header, data = unpack(file)
    own = ours(header) | {"digest": rng.choice(("", "0" * 64, "x", "é" * 64))}
    return pack(with_ours(header, own), data)


TRACE_MUTATORS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _truncate, _header_length, _flip_bytes, _append, _junk, _dtype, _entry, _overlap, _tensors, _metadata, _own_value,
    _own_value, _own_value, _own_text, _layers, _edges, _geometry, _geometry, _shapes, _digest,
)


def mutated_trace(rng: Random, file: bytes) -> bytes:
    """`file` with one mutation."""
    return rng.choice(TRACE_MUTATORS)(rng, file)
