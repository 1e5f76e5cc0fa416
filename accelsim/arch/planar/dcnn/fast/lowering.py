"""From a layer and a design to DCNN's figures: convolution, plan, and what its multipliers form."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.shared.fast.convolution import PatternAxis, PatternConvolution, convolution_of
from accelsim.arch.planar.shared.fast.plan import GroupRule, PlanarPlan, assign, make_plan
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class Formed(NamedTuple):
    """tap_positions [temporal tile, tile]: (position, tap) pairs of one phase; the layer's pairs that land, its
    products formed, landing inside the output plane, and of two non-zeros wherever they land."""

    tap_positions: np.ndarray
    inside_positions: int
    filled: int
    inside: int
    nonzero: int


class DcnnWork(NamedTuple):
    """A layer on a design. blocks: vectors of channels, each a cycle."""

    conv: PatternConvolution
    plan: PlanarPlan
    formed: Formed
    blocks: int

    @property
    def tile_cycles(self) -> np.ndarray:
        """Of one output channel [temporal tile, tile]."""
        return self.formed.tap_positions * self.blocks

    @property
    def round_cycles(self) -> np.ndarray:
        """[temporal tile, round]: the slowest PE's."""
        return np.outer(self.tile_cycles.max(axis=1), self.plan.channels_of.max(axis=1))

    @property
    def worked_cycles(self) -> int:
        """Cycles at work of all PEs."""
        return int(self.tile_cycles.sum()) * self.conv.filters * self.conv.images


def lowered(layer: Layer, config: DcnnConfig, policy: Policy) -> DcnnWork:
    """Raises UnsupportedLayerError when the accumulators cannot hold one position's outputs."""
    conv = convolution_of(layer)
    plan = _plan(conv, config, policy)
    return DcnnWork(conv, plan, _formed(layer, conv, plan), -(-conv.weight.shape[1] // config.dot_width))


def _plan(conv: PatternConvolution, config: DcnnConfig, policy: Policy) -> PlanarPlan:
    assignment = assign(conv, policy, (0, 0), (config.pe_rows, config.pe_cols))

    def fits(rows: AxisPieces, cols: AxisPieces) -> bool:
        values = int(rows.size.max()) * int(cols.size.max()) * conv.channels
        return config.iaram_bits == 0 or values * config.value_bits <= config.iaram_bits

    return make_plan(conv, assignment, GroupRule(config.accumulator_entries, config.kc_max), fits)


def _formed(layer: Layer, conv: PatternConvolution, plan: PlanarPlan) -> Formed:
    formed = plan.per_piece(over_pieces(plan.rows, meeting_taps(conv.rows)),
                            over_pieces(plan.cols, meeting_taps(conv.cols)))
    landing = int(landing_taps(conv.rows).sum() * landing_taps(conv.cols).sum())
    depth = conv.weight.shape[1] * conv.filters * conv.images  # lanes of one (position, tap) pair over the layer
    nonzero: int = derived(layer, "products of two non-zeros", lambda: _nonzero_products(conv))
    return Formed(formed, landing, int(formed.sum()) * depth, landing * depth, nonzero)


def meeting_taps(axis: PatternAxis) -> np.ndarray:
    """[position]: taps of the position's own stride phase."""
    return np.bincount(axis.tap_phases, minlength=axis.stride)[axis.position_phases]


def reach(axis: PatternAxis) -> np.ndarray:
    """[position, tap]: does their product land in the output plane?"""
    at = np.arange(axis.size)[:, None] + axis.padding - np.arange(axis.taps) * axis.dilation
    return (at >= 0) & (at % axis.stride == 0) & (at // axis.stride < axis.out)


def landing_taps(axis: PatternAxis) -> np.ndarray:
    """[position]: taps whose product lands in the output plane."""
    return reach(axis).sum(axis=1)


def over_pieces(pieces: AxisPieces, per_position: np.ndarray) -> np.ndarray:
    """Sums of `per_position` over each piece [tile, piece]."""
    before = np.concatenate([[0], np.cumsum(per_position)])
    return before[pieces.end] - before[pieces.begin]


def _nonzero_products(conv: PatternConvolution) -> int:
    """Products of two non-zeros of one channel, phase and conv group, wherever they land."""
    weights = conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:]).sum(axis=1)  # [groups, C/groups, R, S]
    weights = weights.reshape(conv.channels, conv.rows.taps, conv.cols.taps)
    active = conv.activation.sum(axis=0)  # [C, H, W]
    total = 0
    for a in range(conv.rows.stride):
        for b in range(conv.cols.stride):
            taps = weights[:, conv.rows.tap_phases == a][:, :, conv.cols.tap_phases == b].sum(axis=(1, 2))
            held = active[:, conv.rows.position_phases == a][:, :, conv.cols.position_phases == b].sum(axis=(1, 2))
            total += int(taps @ held)
    return total
