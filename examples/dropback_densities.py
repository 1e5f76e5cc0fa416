"""Where DropBack leaves its weights in one of Procrustes' five networks: a density per layer, printed as yaml.

    python examples/dropback_densities.py vgg_s        (needs torch, scikit-learn and pillow; minutes on one core)

Procrustes (Yang et al., MICRO 2020) gives one sparsity per network and no split over layers, but its rule decides the
split: tracked are the weights of the whole network with the largest accumulated gradients, under one threshold. This
script applies the rule to the layers of the shipped workload (their shapes, true planes) for some iterations and counts.
The threshold is exact (the k-th largest), not the streaming estimate; untracked weights fall back to an initial value
that decays to zero; plain gradient descent, batches of 16, batch normalization without parameters, no biases.

The data are cuts out of scikit-learn's two photographs: a class is a place, and a network has as many classes as its
workload has outputs (1,000 or 10). It is not the data set of the paper, and a run is some hundred iterations, not ninety
epochs: `--data`, `--seed`, `--iterations`, `--rate` and `--side` show how much of the split hangs on that.
"""

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

import accelsim

try:
    import torch
    from sklearn.datasets import load_digits, load_sample_images
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    sys.exit(f"examples/dropback_densities.py: {error}; this example needs three more packages: "
             "pip install torch scikit-learn pillow")

BATCH_IMAGES = 16  # the paper's minibatch
DECAY, NEGLIGIBLE = 0.9, 1e-3  # of initial values, per iteration [authors' code]; cut to zero below (our choice)
CUT, SHIFT = 224, 16  # pixels of a photograph that make an image; most that a cut strays from its place
Images = Callable[[], tuple[Tensor, Tensor]]  # draws a batch: [16, 3, side, side] and classes [16]


class Layers:
    """The convolutions and linear layers of a workload by name, with the weights they have at the moment."""

    def __init__(self, name: str) -> None:
        self.shapes = {x.shape.name: x.shape for x in accelsim.load_workload(name).layers}
        self.weights: dict[str, Tensor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.shapes

    def __call__(self, name: str, x: Tensor) -> Tensor:
        shape, weight = self.shapes[name], self.weights[name]
        if shape.op != "conv2d":
            return x @ weight[0].T
        return functional.conv2d(x, weight, None, shape.stride, shape.padding, groups=shape.groups)


def norm(x: Tensor) -> Tensor:
    return functional.batch_norm(x, None, None, training=True)


def resnet18(layer: Layers, images: Tensor) -> Tensor:
    x = functional.max_pool2d(norm(layer("conv1", images)).relu(), 3, 2, 1)
    for block in (f"layer{stage}.{i}." for stage in (1, 2, 3, 4) for i in (0, 1)):
        short = norm(layer(block + "downsample", x)) if block + "downsample" in layer else x
        x = (norm(layer(block + "conv2", norm(layer(block + "conv1", x)).relu())) + short).relu()
    return layer("fc", x.mean((2, 3)))


def mobilenet_v2(layer: Layers, images: Tensor) -> Tensor:
    def clipped(name: str, x: Tensor) -> Tensor:
        return norm(layer(name, x)).clamp(0, 6)

    x = clipped("conv1", images)
    for block in (f"block{i}." for i in range(17)):
        y = clipped(block + "expand", x) if block + "expand" in layer else x
        y = norm(layer(block + "project", clipped(block + "depthwise", y)))
        x = x + y if x.shape == y.shape else y
    return layer("fc", clipped("conv_last", x).mean((2, 3)))


def vgg_s(layer: Layers, images: Tensor) -> Tensor:
    x = images
    for stage, convolutions in enumerate((2, 2, 3, 3, 3), 1):
        for i in range(1, convolutions + 1):
            x = norm(layer(f"conv{stage}_{i}", x)).relu()
        x = functional.max_pool2d(x, 2)
    return layer("fc2", norm(layer("fc1", x.flatten(1))).relu())


def wrn_28_10(layer: Layers, images: Tensor) -> Tensor:
    x = layer("conv1", images)
    for block in (f"group{group}.{i}." for group in (1, 2, 3) for i in range(4)):
        ready = norm(x).relu()
        short = layer(block + "shortcut", ready) if block + "shortcut" in layer else x
        x = short + layer(block + "conv2", norm(layer(block + "conv1", ready)).relu())
    return layer("fc", norm(x).relu().mean((2, 3)))


def densenet(layer: Layers, images: Tensor) -> Tensor:
    x = layer("conv1", images)
    for block in (1, 2, 3):
        for i in range(12):
            x = torch.cat([x, layer(f"block{block}.{i}", norm(x).relu())], dim=1)
        if f"transition{block}" in layer:
            x = functional.avg_pool2d(layer(f"transition{block}", norm(x).relu()), 2)
    return layer("fc", norm(x).relu().mean((2, 3)))


class Network(NamedTuple):
    """How the layers follow each other, and how many weights are tracked: two counts are [authors' code], three come
    from the paper's factors 5.2, 4.3 and 3.9 (recalled)."""

    forward: Callable[[Layers, Tensor], Tensor]
    tracked: int


NETWORKS = {"resnet18": Network(resnet18, 1_000_000), "mobilenet_v2": Network(mobilenet_v2, 350_000),
            "vgg_s": Network(vgg_s, 2_880_332), "wrn_28_10": Network(wrn_28_10, 8_479_356),
            "densenet": Network(densenet, 690_006)}


def photographs(classes: int, side: int) -> Images:
    """Cuts around `classes` random places of two photographs [3, 427, 640], half of them mirrored."""
    photos = [torch.tensor(photo).permute(2, 0, 1) / 255 for photo in load_sample_images().images]
    photos = [(photo - photo.mean((1, 2), keepdim=True)) / photo.std((1, 2), keepdim=True) for photo in photos]
    room = torch.tensor(photos[0].shape[1:]) - CUT - SHIFT
    corners = (torch.rand(classes, 2) * (room + 1)).long()

    def cut(label: int) -> Tensor:
        y, x = (corners[label] + torch.randint(SHIFT + 1, (2,))).tolist()
        image = photos[label % len(photos)][:, y:y + CUT, x:x + CUT]
        return image.flip(2) if torch.rand(()) < 0.5 else image

    def draw() -> tuple[Tensor, Tensor]:
        labels = torch.randint(classes, (BATCH_IMAGES,))
        images = torch.stack([cut(label) for label in labels.tolist()])
        return functional.interpolate(images, (side, side), mode="area"), labels

    return draw


def digits(classes: int, side: int) -> Images:
    """scikit-learn's 1,797 handwritten digits, enlarged from 8 x 8, grey; ten of the classes occur."""
    data = load_digits()
    images, labels = torch.from_numpy(data.images).float()[:, None], torch.from_numpy(data.target)
    images = (images - images.mean()) / images.std()

    def draw() -> tuple[Tensor, Tensor]:
        some = torch.randint(len(images), (BATCH_IMAGES,))
        return functional.interpolate(images[some], (side, side), mode="bilinear").expand(-1, 3, -1, -1), labels[some]

    return draw


def noise(classes: int, side: int) -> Images:
    """White noise with random classes: what the geometry alone does."""
    return lambda: (torch.randn(BATCH_IMAGES, 3, side, side), torch.randint(classes, (BATCH_IMAGES,)))


DATA = {"photographs": photographs, "digits": digits, "noise": noise}


def track(added: dict[str, Tensor], count: int) -> None:
    """Set all but the `count` largest of the network to zero, in place."""
    sizes = torch.cat([tensor.abs().flatten() for tensor in added.values()])
    threshold = sizes.kthvalue(len(sizes) - count + 1).values
    for tensor in added.values():
        tensor[tensor.abs() < threshold] = 0


def train(name: str, iterations: int, rate: float, data: str, side: int | None = None,
          watch: Callable[[int, dict[str, Tensor], float], None] = lambda *_: None) -> dict[str, Tensor]:
    """What gradients have added to each layer's weights after `iterations`: zero where a weight is not tracked.

    side: of the images; by default the workload's. watch: called after each iteration with its number from 1, the
    additions and the loss.
    """
    layer, network = Layers(name), NETWORKS[name]
    shapes = list(layer.shapes.values())
    draw = DATA[data](shapes[-1].outputs, side or shapes[0].input[1])
    first = {s.name: torch.nn.init.kaiming_normal_(torch.empty(s.weight_shape(1)), nonlinearity="relu")
             if s.op == "conv2d" else torch.randn(s.weight_shape(1)) * (2 / s.inputs) ** 0.5 for s in shapes}
    added, factor = {key: torch.zeros_like(value) for key, value in first.items()}, 1.0
    for iteration in range(1, iterations + 1):
        images, labels = draw()
        layer.weights = {key: (factor * first[key] + added[key]).requires_grad_() for key in first}
        loss = functional.cross_entropy(network.forward(layer, images), labels)
        gradients = torch.autograd.grad(loss, list(layer.weights.values()))
        for key, gradient in zip(added, gradients, strict=True):
            added[key] -= rate * gradient
        track(added, network.tracked)
        factor = factor * DECAY if factor * DECAY >= NEGLIGIBLE else 0.0
        watch(iteration, added, loss.item())
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description="Densities per layer by the rule of DropBack, as yaml.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--iterations", type=int, default=100, help="steps of 16 images (default 100)")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate (default 0.1)")
    parser.add_argument("--data", choices=DATA, default="photographs", help="what to train on (default photographs)")
    parser.add_argument("--seed", type=int, default=0, help="of initial weights and images (default 0)")
    parser.add_argument("--side", type=int, help="rows and columns of the images (default: the workload's)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(chosen.seed)
    added = train(chosen.network, chosen.iterations, chosen.rate, chosen.data, chosen.side)
    print("density:")
    for name, tensor in added.items():
        print(f"  {name}: {float((tensor != 0).double().mean()):.4f}")


if __name__ == "__main__":
    main()
