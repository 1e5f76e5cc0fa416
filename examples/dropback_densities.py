"""Where DropBack leaves its weights in one of Procrustes' five networks: a density per layer, printed as yaml.

    python examples/dropback_densities.py vgg_s        (needs torch, scikit-learn and pillow; minutes on one core)

Procrustes (Yang et al., MICRO 2020) gives one sparsity per network and no split over layers, but its rule decides the
split: one threshold for the whole network. This script applies the rule to the layers of the shipped workload, at their
true planes, for some iterations, and counts. A weight starts at an initial value, which decays to zero; after each step
of plain gradient descent the k weights that lie farthest from it are tracked, the others fall back to it. Two forms:

- `decayed`, as the authors' code has it: the distance is measured from the value as decayed in this step, and a tracked
  weight keeps the value it had. Initial values, as large as the layer's fan allows, thus weigh in beside gradients.
- `gradients`: the initial value decays in tracked weights, too, so that the distance is what gradients have added. For
  MobileNet v2, whose classifier starts too small for the first form: it would lose every weight and learn nothing.

Initializations are the authors' for each network, learning rates theirs, scaled to the batch where they are too high.
What differs: the k largest are found exactly, not by the streaming estimate; batches of 16, not 32 or 64; batch
normalization without parameters, no biases, no dropout and no weight decay; some iterations, not an epoch, let alone
all; and the data. Those are cuts out of scikit-learn's two photographs: a class is a place, and there are as many as
the network has outputs (1,000 or 10). The options show how much of the split hangs on that.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import accelsim

try:
    import torch
    from sklearn.datasets import load_digits, load_sample_images
    from torch import Tensor
    from torch.nn import functional, init
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
        x = norm(x).relu()  # before the shortcut leaves, as in the authors' network
        short = layer(block + "shortcut", x) if block + "shortcut" in layer else x
        x = short + layer(block + "conv2", norm(layer(block + "conv1", x)).relu())
    return layer("fc", norm(x).relu().mean((2, 3)))


def densenet(layer: Layers, images: Tensor) -> Tensor:
    x = layer("conv1", images)
    for block in (1, 2, 3):
        for i in range(10):
            x = torch.cat([x, layer(f"block{block}.{i}", norm(x).relu())], dim=1)
        if f"transition{block}" in layer:
            x = functional.avg_pool2d(layer(f"transition{block}", norm(x).relu()), 2)
    return layer("fc", norm(x).relu().mean((2, 3)))


HE = partial(init.kaiming_normal_, nonlinearity="relu")
HE_OUT = partial(init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
LECUN = partial(init.kaiming_normal_, nonlinearity="linear")
UNIFORM = partial(init.kaiming_uniform_, a=5 ** 0.5)  # of torch's linear layers


class Network(NamedTuple):
    """How the layers follow each other, how many weights are tracked, the learning rate, and how convolutions and
    linear layers start: [authors' code], but for three counts that come from the factors 5.2, 4.3 and 3.9 (recalled).
    Rates are the authors' 0.2 (ResNet-18, batches of 32) and 0.4 (CIFAR-10, 64), times 16 over their batch; for
    MobileNet v2 their 0.2 as it is. form: of the rule, see above.
    """

    forward: Callable[[Layers, Tensor], Tensor]
    tracked: int
    rate: float
    convolution: Callable[[Tensor], Tensor]
    linear: Callable[[Tensor], Tensor]
    form: str = "decayed"


NETWORKS = {"resnet18": Network(resnet18, 1_000_000, 0.1, HE_OUT, UNIFORM),
            "mobilenet_v2": Network(mobilenet_v2, 350_000, 0.2, HE_OUT, partial(init.normal_, std=0.01), "gradients"),
            "vgg_s": Network(vgg_s, 2_880_332, 0.1, LECUN, LECUN),
            "wrn_28_10": Network(wrn_28_10, 8_479_356, 0.1, HE, HE),
            "densenet": Network(densenet, 686_683, 0.1, HE, LECUN)}


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


class Tracker:
    """The weights of a network under the rule: tensors in the order of its layers."""

    def __init__(self, first: list[Tensor], count: int, form: str) -> None:
        self.first, self.count, self.form = first, count, form
        self.weights = first
        self.tracked: list[Tensor] = []
        self.held = self.factor = 1.0  # of the initial values: what weights hold of them, and what untracked ones get

    def step(self, changes: list[Tensor]) -> None:
        """Add `changes`, keep what lies farthest from its initial value, let the others fall back to it."""
        stepped = [weight + change for weight, change in zip(self.weights, changes, strict=True)]
        if self.form == "gradients":
            stepped = [w - (self.held - self.factor) * start for w, start in zip(stepped, self.first, strict=True)]
        fallen = [self.factor * start for start in self.first]
        distances = [(w - start).abs() for w, start in zip(stepped, fallen, strict=True)]
        flat = torch.cat([distance.flatten() for distance in distances])
        limit = flat.kthvalue(len(flat) - self.count + 1).values
        self.tracked = [distance >= limit for distance in distances]
        self.weights = [w.where(t, start) for w, t, start in zip(stepped, self.tracked, fallen, strict=True)]
        self.held, self.factor = self.factor, self.factor * DECAY if self.factor * DECAY >= NEGLIGIBLE else 0.0


def train(name: str, iterations: int, data: str = "photographs", rate: float | None = None, side: int | None = None,
          form: str | None = None, watch: Callable[[int, dict[str, Tensor], float], None] = lambda *_: None,
          ) -> dict[str, Tensor]:
    """Which weights of each layer are tracked after `iterations`: bools in the shape of the weights.

    rate, side (of the images), form (of the rule): by default the network's own. watch: called after each iteration
    with its number from 1, what is tracked, and the loss.
    """
    layer, network = Layers(name), NETWORKS[name]
    shapes = list(layer.shapes.values())
    draw = DATA[data](shapes[-1].outputs, side or shapes[0].input[1])
    first = [network.convolution(torch.empty(s.weight_shape(1))) if s.op == "conv2d" else
             network.linear(torch.empty(s.weight_shape(1)[1:]))[None] for s in shapes]
    tracker = Tracker(first, network.tracked, form or network.form)
    for iteration in range(1, iterations + 1):
        images, labels = draw()
        weights = [weight.clone().requires_grad_() for weight in tracker.weights]
        layer.weights = dict(zip(layer.shapes, weights, strict=True))
        loss = functional.cross_entropy(network.forward(layer, images), labels)
        gradients = torch.autograd.grad(loss, weights)
        tracker.step([-(rate or network.rate) * gradient for gradient in gradients])
        watch(iteration, dict(zip(layer.shapes, tracker.tracked, strict=True)), loss.item())
    return dict(zip(layer.shapes, tracker.tracked, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Densities per layer by the rule of DropBack, as yaml.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--iterations", type=int, default=100, help="steps of 16 images (default 100)")
    parser.add_argument("--data", choices=DATA, default="photographs", help="what to train on (default photographs)")
    parser.add_argument("--rate", type=float, help="learning rate (default: the network's)")
    parser.add_argument("--form", choices=("decayed", "gradients"), help="of the rule (default: the network's)")
    parser.add_argument("--side", type=int, help="rows and columns of the images (default: the workload's)")
    parser.add_argument("--seed", type=int, default=0, help="of initial weights and images (default 0)")
    chosen = parser.parse_args()
    if chosen.iterations < 1:
        parser.error(f"--iterations is {chosen.iterations}, wanted at least 1")
    torch.set_num_threads(1)
    torch.manual_seed(chosen.seed)
    tracked = train(chosen.network, chosen.iterations, chosen.data, chosen.rate, chosen.side, chosen.form)
    print("density:")
    for name, mask in tracked.items():
        print(f"  {name}: {float(mask.double().mean()):.4f}")


if __name__ == "__main__":
    main()
