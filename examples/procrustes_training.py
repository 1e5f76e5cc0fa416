"""Sparse training in the manner of Procrustes on a small CNN; its weight masks at several epochs as one trace.

    python examples/procrustes_training.py [-o PATH]       (needs torch and scikit-learn; half a minute on one core)

The rule is DropBack's with the two changes of Procrustes (Yang et al., MICRO 2020): a weight is its initial value,
which decays to zero, plus what gradients have added; only the weights with the largest additions are tracked, the
others fall back to their initial value. Which ones is decided by the streaming quantile threshold of the machine's
threshold unit (`accelsim.arch.training.procrustes.fast.threshold`). So the network is dense for the first iterations
(less than an epoch here) and then learns as a sparse one.

Recorded per epoch: the int8 weights of each layer, whose zeros are the mask of that moment, and the inputs of a
minibatch. Layers are called `epoch3/conv2`. One thread and fixed seeds: on one machine, the same bytes each time.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

import accelsim
from accelsim.arch.training.procrustes.fast.threshold import FIRST_ESTIMATE, filter_candidates

try:
    import sklearn
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from torch.nn import functional
except ImportError as error:
    sys.exit(f"examples/procrustes_training.py: {error}; this example needs two more packages: "
             "pip install torch scikit-learn")

SEED = 2020
EPOCHS, BATCH_IMAGES = 30, 16  # the paper's minibatch
FIRST_RATE = 0.1  # of plain gradient descent, falling on a half cosine
TRACKED_SHARE = 0.1  # of all weights
DECAY, NEGLIGIBLE = 0.9, 1e-3  # of initial values, per iteration [authors' code]; cut to zero below (our choice)
RECORDED_EPOCHS = (1, 2, 4, 10, 30)
DEFAULT_PATH = Path(__file__).resolve().parents[1] / "traces" / "digits_training.safetensors"


class Stage(NamedTuple):
    """One layer: `shape` is [K, C, R, S] of a 3x3 convolution (padding 1) or [out, in]; `pool` follows the ReLU."""

    name: str
    shape: tuple[int, ...]
    pool: int = 1


STAGES = (Stage("conv1", (16, 1, 3, 3)), Stage("conv2", (32, 16, 3, 3), pool=2), Stage("conv3", (64, 32, 3, 3)),
          Stage("fc1", (64, 1024)), Stage("fc2", (10, 64)))
Tensors = list[torch.Tensor]


class Data(NamedTuple):
    """Pixels [image, 1, 8, 8], 0 to 1, and classes [image]; 1,437 to train and 360 to test, in equal shares."""

    train_images: torch.Tensor
    train_classes: torch.Tensor
    test_images: torch.Tensor
    test_classes: torch.Tensor


def load() -> Data:
    """scikit-learn's handwritten digits."""
    digits = load_digits()
    images = torch.from_numpy(digits.images.astype(np.float32)[:, None] / 16)
    train, test = train_test_split(np.arange(len(images)), test_size=0.2, random_state=SEED, stratify=digits.target)
    classes = torch.from_numpy(digits.target)
    return Data(images[train], classes[train], images[test], classes[test])


def forward(weights: Tensors, images: torch.Tensor) -> tuple[Tensors, torch.Tensor]:
    """The input of each layer, and the logits. Sums are normalized over the batch before each ReLU."""
    inputs, value = [], images
    for stage, weight in zip(STAGES, weights, strict=True):
        value = value.flatten(1) if len(stage.shape) == 2 else value
        inputs.append(value)
        value = functional.conv2d(value, weight, padding=1) if value.ndim == 4 else value @ weight.T
        value = functional.batch_norm(value, None, None, training=True)
        if stage is not STAGES[-1]:
            value = functional.max_pool2d(value.relu(), stage.pool) if stage.pool > 1 else value.relu()
    return inputs, value


class Tracker:
    """Weights as decayed initial values plus accumulated gradients of the tracked ones."""

    def __init__(self) -> None:
        self.first = [torch.nn.init.kaiming_normal_(torch.empty(s.shape), nonlinearity="relu") for s in STAGES]
        self.added = [torch.zeros(s.shape) for s in STAGES]
        self.factor, self.estimate = 1.0, FIRST_ESTIMATE

    @property
    def weights(self) -> Tensors:
        return [self.factor * first + added for first, added in zip(self.first, self.added, strict=True)]

    def step(self, gradients: Tensors, rate: float) -> None:
        """Descend, keep what lies over the threshold, let the initial values decay."""
        for i, gradient in enumerate(gradients):
            added = self.added[i] - rate * gradient
            keep, self.estimate = filter_candidates(added.abs().numpy(), self.estimate, 1 - TRACKED_SHARE)
            self.added[i] = added * torch.from_numpy(keep.reshape(added.shape))
        self.factor = self.factor * DECAY if self.factor * DECAY >= NEGLIGIBLE else 0.0


def train(data: Data) -> Iterator[tuple[int, Tensors]]:
    """(epoch, weights) after each epoch from 1."""
    tracker, steps, step = Tracker(), EPOCHS * (len(data.train_images) // BATCH_IMAGES), 0
    for epoch in range(1, EPOCHS + 1):
        order = torch.randperm(len(data.train_images))
        for batch in order[:len(order) // BATCH_IMAGES * BATCH_IMAGES].split(BATCH_IMAGES):
            weights = [w.requires_grad_() for w in tracker.weights]
            _, logits = forward(weights, data.train_images[batch])
            gradients = torch.autograd.grad(functional.cross_entropy(logits, data.train_classes[batch]), weights)
            tracker.step(list(gradients), FIRST_RATE * 0.5 * (1 + np.cos(np.pi * step / steps)))
            step += 1
        yield epoch, tracker.weights


def accuracy(weights: Tensors, data: Data) -> float:
    """Share of the test images in their class."""
    _, logits = forward(weights, data.test_images)
    return float((logits.argmax(1) == data.test_classes).double().mean())


def as_int8(tensor: np.ndarray) -> np.ndarray:
    """One scale for the tensor; what is not zero stays not zero, so that the mask is the trained one."""
    integers, _ = accelsim.quantize(tensor)
    return np.where((integers == 0) & (tensor != 0), np.sign(tensor), integers).astype(np.int8)


def recorded(epoch: int, weights: Tensors, images: torch.Tensor) -> Iterator[accelsim.Layer]:
    """The layers of one epoch with the inputs of one minibatch."""
    inputs, _ = forward(weights, images)
    for stage, weight, value in zip(STAGES, weights, inputs, strict=True):
        name, tensors = f"epoch{epoch}/{stage.name}", (as_int8(weight.numpy()), as_int8(value.numpy()))
        yield accelsim.conv2d(name, *tensors, padding=1) if weight.ndim == 4 else accelsim.linear(name, *tensors)


def record() -> accelsim.Trace:
    """Train and record."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    data, layers, reached = load(), [], {}
    for epoch, weights in train(data):
        if epoch in RECORDED_EPOCHS:
            layers += recorded(epoch, weights, data.train_images[:BATCH_IMAGES])
            reached[str(epoch)] = accuracy(weights, data)
            shares = "  ".join(f"{s.name} {float((w != 0).double().mean()):.3f}"
                               for s, w in zip(STAGES, weights, strict=True))
            print(f"epoch {epoch:2}: test accuracy {reached[str(epoch)]:.2%}, share of non-zero weights: {shares}")
    edges = [(f"epoch{e}/{a.name}", f"epoch{e}/{b.name}") for e in RECORDED_EPOCHS
             for a, b in pairwise(STAGES)]
    return accelsim.Trace(layers, "digits_training", edges, {
        "model": "3 convolutions, 2 linear layers", "data": "scikit-learn digits",
        "rule": f"DropBack with decaying initial values ({DECAY} per iteration) and a quantile threshold that tracks "
                f"{TRACKED_SHARE} of the weights", "test_accuracy": reached, "seed": SEED,
        "versions": {p.__name__: p.__version__ for p in (torch, sklearn, np)}})


def main() -> None:
    parser = argparse.ArgumentParser(description="Sparse training on digits; records weight masks at several epochs.")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_PATH, help="where the trace goes")
    path = parser.parse_args().output
    if not path.parent.is_dir():
        parser.error(f"{path.parent} is not a folder")
    print(f"wrote {record().save(path)}")


if __name__ == "__main__":
    main()
