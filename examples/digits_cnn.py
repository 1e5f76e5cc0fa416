"""A real pruned network from scratch: train, prune, share weights, quantize, run in integers, record a trace.

    python examples/digits_cnn.py [-o PATH]        (needs torch and scikit-learn; half a minute on one core)

A small CNN learns scikit-learn's handwritten digits (1,797 images of 8x8 pixels), with a small price on large
activations (L1), which leaves about half of them zero. It is pruned by magnitude, gradually (the cubic schedule of
Zhu and Gupta, 2017), then its weights are shared as in Deep Compression (Han et al., ICLR 2016, section 3): 15 non-zero
centroids per layer, fine-tuned, so that a 16-entry codebook with code 0 = pruned holds every weight. Weights and
activations become int8, biases int32, and the integer network runs: the recorded input of a layer is the requantized,
rectified and pooled int32 output of the layer before it. Epochs are fixed: no test image decides when to stop.
One thread and fixed seeds: on one machine, the same bytes each time.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from digits_training import CENTROIDS, PIXEL_SCALE, SEED, STAGES, Data, Learned, learn, load, versions

import accelsim

RECORDED_IMAGES = 8
RULE = "next input = max_pool(clip((output * multiplier + 2**(shift - 1)) >> shift, 0, 127), pool), floor shift"
DEFAULT_PATH = Path(__file__).resolve().parents[1] / "traces" / "digits_cnn.safetensors"


class Quantized(NamedTuple):
    """One integer layer: value = integer x scale; bias in units of weight_scale x input_scale; `RULE` follows it."""

    weight: np.ndarray
    bias: np.ndarray
    weight_scale: float
    input_scale: float
    multiplier: int
    shift: int


def quantize(learned: Learned) -> list[Quantized]:
    """int8 with one symmetric scale per tensor; activation scales from the largest value on the training images."""
    scales = [PIXEL_SCALE] + [peak / 127 for peak in learned.input_peaks[1:]]
    network = []
    for i, (weight, bias) in enumerate(zip(learned.weights, learned.biases, strict=True)):
        integers, weight_scale = accelsim.quantize(weight)
        unit = weight_scale * scales[i]
        multiplier, shift = _fixed_point(unit / scales[i + 1]) if i + 1 < len(scales) else (0, 0)
        bias_integers = np.rint(bias.astype(np.float64) / unit).astype(np.int64)  # accelsim refuses more than int32
        network.append(Quantized(integers, bias_integers, weight_scale, scales[i], multiplier, shift))
    return network


def _fixed_point(ratio: float) -> tuple[int, int]:
    """(multiplier, shift) with ratio = multiplier / 2^shift and a 30-bit multiplier: no float rounding at run time."""
    mantissa, exponent = np.frexp(ratio)
    return int(np.rint(mantissa * 2 ** 30)), 30 - int(exponent)


def density(tensor: np.ndarray) -> float:
    """Share of non-zeros."""
    return float(np.count_nonzero(tensor) / tensor.size)


def integer_layers(network: list[Quantized], pixels: np.ndarray) -> Iterator[tuple[accelsim.Layer, np.ndarray]]:
    """Each layer with the integers it really receives, and its accumulators; the last ones are the logits."""
    value = pixels
    for stage, q in zip(STAGES, network, strict=True):
        layer: accelsim.Layer
        if len(stage.shape) == 4:
            layer = accelsim.conv2d(stage.name, q.weight, value, padding=1, bias=q.bias)
            sums = layer.output()
        else:
            layer = accelsim.linear(stage.name, q.weight, value.reshape(len(value), -1), bias=q.bias)
            sums = layer.output()[0]
        if np.abs(sums).max() > np.iinfo(np.int32).max:
            raise OverflowError(f"{stage.name}: an accumulator does not fit int32")
        yield layer, sums
        if stage is not STAGES[-1]:
            value = np.clip((sums * q.multiplier + (1 << (q.shift - 1))) >> q.shift, 0, 127).astype(np.int8)
            if stage.pool > 1:
                images, channels, rows, columns = value.shape
                value = value.reshape(images, channels, rows // stage.pool, stage.pool, columns // stage.pool,
                                      stage.pool).max(axis=(3, 5))


def recorded(data: Data, network: list[Quantized], reached: dict[str, float]) -> accelsim.Trace:
    """The trace of the first test images, with what is needed to follow one layer's output into the next."""
    whole = list(integer_layers(network, data.images[data.test]))
    right = whole[-1][1].argmax(1) == data.classes[data.test]
    images = data.test[:RECORDED_IMAGES]
    run = list(integer_layers(network, data.images[images]))
    layers: dict[str, dict[str, Any]] = {}
    for stage, q, (full, _) in zip(STAGES, network, whole, strict=True):
        layers[stage.name] = {"density_test_set": round(density(full.activation), 5),
                              "weight_scale": q.weight_scale, "input_scale": q.input_scale}
        if stage is not STAGES[-1]:
            layers[stage.name]["next_input"] = {"multiplier": q.multiplier, "shift": q.shift, "pool": stage.pool}
    made_by = {"script": "examples/digits_cnn.py", "data": "scikit-learn load_digits", "seed": SEED,
               "packages": versions(), "test_accuracy": reached | {"shared_int8": float(right.mean())},
               "sparsity": pruned_share(network), "layers": layers, "rule": RULE, "images": images.tolist(),
               "classes": data.classes[images].tolist(), "predicted": run[-1][1].argmax(1).tolist()}
    return accelsim.Trace([layer for layer, _ in run], name="digits_cnn", made_by=made_by)


def pruned_share(network: list[Quantized]) -> float:
    """Weight sparsity over all layers; an error when the network is not what the trace promises."""
    sparsity = 1 - sum(np.count_nonzero(q.weight) for q in network) / sum(q.weight.size for q in network)
    if sparsity < 0.9 or any(len(np.unique(q.weight[q.weight != 0])) > CENTROIDS for q in network):
        raise RuntimeError(f"sparsity {sparsity:.4f} is below 0.9, or a layer has more than {CENTROIDS} weight values")
    return sparsity


def table(trace: accelsim.Trace) -> str:
    """What was reached, for people."""
    lines = ["test accuracy: " + ", ".join(f"{k} {v:.2%}" for k, v in trace.made_by["test_accuracy"].items()),
             f"weight sparsity over all layers: {trace.made_by['sparsity']:.2%}",
             "layer    weights  non-zero  sparsity  values  activation density (recorded, test set)"]
    for layer in trace:
        note, nonzero = trace.made_by["layers"][layer.name], layer.weight[layer.weight != 0]
        lines.append(f"{layer.name:6} {layer.weight.size:9,} {nonzero.size:9,} {1 - density(layer.weight):9.2%} "
                     f"{len(np.unique(nonzero)):7} {density(layer.activation):20.3f} {note['density_test_set']:9.3f}")
    return "\n".join(lines)


def main() -> None:
    """Train, record, save, print."""
    parser = argparse.ArgumentParser(description="Train and prune a CNN on digits and record its trace.")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_PATH, help="trace file (default: %(default)s)")
    path = parser.parse_args().output
    if not path.parent.is_dir():
        parser.error(f"{path.parent} is not a folder; give -o the path of a file to write")
    data = load()
    learned = learn(data)
    trace = recorded(data, quantize(learned), learned.accuracy)
    print(table(trace))
    print(f"{trace.save(path)}: {path.stat().st_size:,} bytes, digest {trace.digest}")


if __name__ == "__main__":
    main()
