"""The learning half of digits_cnn.py: a dense CNN on digits, pruned by magnitude, its weights shared.

Everything here is floating point; what comes out are numpy arrays. Needs torch and scikit-learn.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

try:
    import sklearn
    import torch
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from threadpoolctl import threadpool_limits
    from torch.nn import functional
except ImportError as error:
    sys.exit(f"examples/digits_cnn.py: {error}; this example needs two more packages: pip install torch scikit-learn")

SEED = 2016
DENSE_EPOCHS, PRUNE_EPOCHS, TUNE_EPOCHS, SHARE_EPOCHS = 30, 30, 15, 10
BATCH_IMAGES, DENSE_RATE, TUNE_RATE, SHARE_RATE = 32, 1e-3, 5e-4, 1e-4
ACTIVATION_PRICE = 3e-5  # loss per unit of activation in an image (our choice: densities of 0.3 to 0.6)
CENTROIDS = 15  # with code 0 for pruned weights: EIE's 4-bit codebook
PIXEL_SCALE = 1 / 16  # pixels are the whole numbers 0..16, so the network's input is int8 without any loss


class Stage(NamedTuple):
    """One layer: `shape` is [K, C, R, S] of a 3x3 convolution (padding 1) or [out, in]; `pool` follows the ReLU."""

    name: str
    shape: tuple[int, ...]
    sparsity: float
    pool: int = 1


STAGES = (Stage("conv1", (32, 1, 3, 3), 0.50),
          Stage("conv2", (64, 32, 3, 3), 0.88, pool=2),
          Stage("conv3", (64, 64, 3, 3), 0.90),
          Stage("fc1", (128, 1024), 0.94),
          Stage("fc2", (10, 128), 0.70))

Tensors = list[torch.Tensor]


class Data(NamedTuple):
    """Pixels as int8 [image, 1, 8, 8] (0..16), classes [image], and which images train and which test."""

    images: np.ndarray
    classes: np.ndarray
    train: np.ndarray
    test: np.ndarray


def load() -> Data:
    """The digits: 1,437 to train, 360 to test, classes in equal shares in both."""
    digits = load_digits()
    train, test = train_test_split(np.arange(len(digits.target)), test_size=0.2, random_state=SEED,
                                   stratify=digits.target)
    return Data(digits.images.astype(np.int8)[:, None], digits.target, train, test)


class Learned(NamedTuple):
    """The network after sharing: per layer its weight, bias and largest input on the training images.

    `accuracy` is the share of test images in their class, after each step.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    input_peaks: list[float]
    accuracy: dict[str, float]


def forward(weights: Tensors, biases: Tensors, pixels: np.ndarray) -> tuple[Tensors, torch.Tensor]:
    """The network in floating point: the input of each layer, and the logits."""
    inputs, value = [], torch.from_numpy(pixels) * PIXEL_SCALE
    for stage, weight, bias in zip(STAGES, weights, biases, strict=True):
        value = value.flatten(1) if len(stage.shape) == 2 else value
        inputs.append(value)
        value = functional.conv2d(value, weight, bias, padding=1) if value.ndim == 4 else value @ weight.T + bias
        if stage is not STAGES[-1]:
            value = functional.max_pool2d(value.relu(), stage.pool) if stage.pool > 1 else value.relu()
    return inputs, value


def initial_parameters() -> tuple[Tensors, Tensors]:
    """He-normal weights and zero biases."""
    weights = [torch.nn.init.kaiming_normal_(torch.empty(s.shape), nonlinearity="relu") for s in STAGES]
    return weights, [torch.zeros(s.shape[0]) for s in STAGES]


def fit(data: Data, weights_now: Callable[[], Tensors], biases: Tensors, learned: Tensors, epochs: int, rate: float,
        before_epoch: Callable[[int], None] = lambda epoch: None) -> None:
    """Adam on cross entropy and L1 of activations, the rate falling on a half cosine; `weights_now` uses `learned`."""
    parameters = [p.requires_grad_() for p in learned + biases]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        before_epoch(epoch)
        for order in torch.randperm(len(data.train)).split(BATCH_IMAGES):
            batch = data.train[order.numpy()]
            optimizer.zero_grad()
            (_, *inner), logits = forward(weights_now(), biases, data.images[batch])
            price = ACTIVATION_PRICE / len(batch) * sum(value.sum() for value in inner)
            (functional.cross_entropy(logits, torch.from_numpy(data.classes[batch])) + price).backward()
            optimizer.step()
        schedule.step()
    for parameter in parameters:
        parameter.requires_grad_(False)


def prune(data: Data, weights: Tensors, biases: Tensors) -> Tensors:
    """Weights with the smallest magnitudes of each layer at zero; sparsity rises over epochs, then a fine-tuning."""
    masks = [torch.ones_like(w) for w in weights]

    def raise_sparsity(epoch: int) -> None:
        share = 1 - (1 - min(1.0, (epoch + 1) / PRUNE_EPOCHS)) ** 3
        for stage, weight, mask in zip(STAGES, weights, masks, strict=True):
            magnitudes = (weight.detach() * mask).abs().flatten()  # times the mask: what is pruned stays pruned
            mask.view(-1)[magnitudes.argsort(stable=True)[:round(stage.sparsity * share * weight.numel())]] = 0

    def masked() -> Tensors:
        return [w * m for w, m in zip(weights, masks, strict=True)]

    fit(data, masked, biases, weights, PRUNE_EPOCHS, DENSE_RATE, raise_sparsity)
    fit(data, masked, biases, weights, TUNE_EPOCHS, TUNE_RATE)
    return masked()


def share(data: Data, weights: Tensors, biases: Tensors) -> Tensors:
    """Each layer's non-zero weights at 15 k-means centroids, which are then fine-tuned together with the biases."""
    centroids, codes = [], []
    for weight in weights:
        flat = weight.numpy().ravel().astype(np.float64)
        survivors = flat[flat != 0, None]
        start = np.linspace(survivors.min(), survivors.max(), CENTROIDS)[:, None]  # linear, as Deep Compression has it
        with threadpool_limits(1):  # several threads would sum in any order
            means = KMeans(CENTROIDS, init=start, n_init=1).fit(survivors)
        code = np.zeros(flat.size, np.int64)
        code[flat != 0] = 1 + means.labels_
        codes.append(torch.from_numpy(code.reshape(weight.shape)))
        centroids.append(torch.from_numpy(means.cluster_centers_[:, 0].astype(np.float32)))

    def shared() -> Tensors:
        return [torch.cat([torch.zeros(1), c])[k] for c, k in zip(centroids, codes, strict=True)]

    fit(data, shared, biases, centroids, SHARE_EPOCHS, SHARE_RATE)
    return shared()


def accuracy(weights: Tensors, biases: Tensors, data: Data) -> float:
    """Share of the test images that the floating-point network puts in their class."""
    _, logits = forward(weights, biases, data.images[data.test])
    return float((logits.argmax(1).numpy() == data.classes[data.test]).mean())


def learn(data: Data) -> Learned:
    """Train dense, prune, share: one thread, fixed seeds."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    weights, biases = initial_parameters()
    fit(data, lambda: weights, biases, weights, DENSE_EPOCHS, DENSE_RATE)
    reached = {"dense": accuracy(weights, biases, data)}
    weights = prune(data, weights, biases)
    reached["pruned"] = accuracy(weights, biases, data)
    weights = share(data, weights, biases)
    reached["shared"] = accuracy(weights, biases, data)
    inputs, _ = forward(weights, biases, data.images[data.train])
    return Learned([w.numpy() for w in weights], [b.numpy() for b in biases], [float(v.max()) for v in inputs], reached)


def versions() -> dict[str, str]:
    """The packages that decide the numbers."""
    return {package.__name__: package.__version__ for package in (torch, sklearn, np)}
