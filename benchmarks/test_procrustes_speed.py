"""Procrustes' speed: one training iteration of ResNet-18 at 16 images, all weights looked at."""

from dataclasses import replace
from typing import Any

import numpy as np

import accelsim


def test_training_iteration_of_resnet18(benchmark: Any) -> None:
    """All three passes of all layers under 5 s, traces fresh each time (drawing the masks excepted)."""
    drawn = accelsim.draw_trace("resnet18:erk", seed=1)

    def fresh() -> tuple[tuple[accelsim.Trace], dict[str, Any]]:
        layers = []
        for layer in drawn:
            shape = list(layer.activation.shape)
            shape[0 if layer.op == "conv2d" else 1] = 16
            layers.append(replace(layer, activation=np.zeros(shape, bool)))
        return (accelsim.Trace(layers, "resnet18"),), {}

    accelsim.simulate(*fresh()[0], "procrustes")  # compiles
    benchmark.pedantic(lambda trace: accelsim.simulate(trace, "procrustes"), setup=fresh, rounds=5)
    if benchmark.enabled:
        assert benchmark.stats["max"] < 5
