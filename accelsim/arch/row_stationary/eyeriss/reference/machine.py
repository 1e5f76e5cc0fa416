"""A layer on Eyeriss: its passes one after the other, and what they move between DRAM and the global buffer."""

from collections import Counter

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.legality import mapping_for
from accelsim.arch.row_stationary.eyeriss.reference.array import PassDone, PeArray
from accelsim.arch.row_stationary.eyeriss.reference.convolution import as_convolution, as_layer_output
from accelsim.arch.row_stationary.eyeriss.reference.fetching import Streams, dram_bits, fetched_streams, network_bits
from accelsim.arch.row_stationary.eyeriss.reference.operands import OffChipOperands
from accelsim.arch.row_stationary.eyeriss.reference.schedule import PassSchedule, ScheduledPass
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.layer import Layer

STALLS = ("busy", "ineffectual", "simd_idle", "bubble", "column", "psum", "barrier", "iact", "weight", "config",
          "fragmentation")
COUNTS = ("macs", "gated_macs", "iact_address_reads", "iact_reads", "iact_writes", "weight_address_reads",
          "weight_reads", "weight_writes", "psum_reads", "psum_writes", "psum_passes", "glb_iact_read_bits",
          "glb_iact_write_bits", "glb_psum_reads", "glb_psum_writes", "iact_hop_bits", "weight_hop_bits",
          "psum_hop_bits", "dram_weight_bits", "dram_activation_bits", "dram_output_bits", "pe_cycles")


def run(layer: Layer, config: EyerissConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/eyeriss.md. policy: (layer, config) -> mapping; not asked for a layer that
    `config.mappings` names. Raises TraceError for a pattern-only layer, UnsupportedLayerError for an unknown operator,
    ConfigError for a mapping that is not legal and CapacityError when the policy finds none.
    """
    conv = as_convolution(layer)
    mapping = mapping_for(layer, config, policy)
    schedule = PassSchedule(conv, mapping, config)
    array = PeArray(schedule, OffChipOperands(conv, mapping.compressed, config), config)
    passes = list(schedule.passes())
    done = [array.run(one) for one in passes]
    done[0] = array.configured(done[0])
    room_bits = 8 * config.glb_iact_bytes * config.cluster_rows * config.cluster_cols
    fetched = fetched_streams(_needed_by_chunk(passes, done), room_bits)
    counts = array.counts + Counter({
        "glb_psum_reads": array.psum_banks.reads, "glb_psum_writes": array.psum_banks.writes,
        "glb_iact_write_bits": sum(map(network_bits, fetched)),
        "dram_weight_bits": sum(one.weight_bits for one in done),
        "dram_activation_bits": sum(map(dram_bits, fetched)),
        "dram_output_bits": sum(one.output_bits for one in done),
        "pe_cycles": sum(one.cycles for one in done) * array.slots // config.macs_per_pe})
    reported = {**mapping.model_dump(mode="json"), "passes": len(passes), "mapped_pes": passes[0].mapped_pes}
    return LayerRun(sum(one.cycles for one in done), array.slots, {name: array.stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS}, mapping=reported,
                    output=as_layer_output(layer, array.sums, conv.bias), tiles=_tiles(done, fetched))


def _needed_by_chunk(passes: list[ScheduledPass], done: list[PassDone]) -> list[list[Streams]]:
    """The streams that each pass needed, chunk by chunk: one begins with its first step."""
    chunks: list[list[Streams]] = []
    for one, result in zip(passes, done, strict=True):
        if one.first_step:
            chunks.append([])
        chunks[-1].append(result.streams)
    return chunks


def _tiles(done: list[PassDone], fetched: list[Streams]) -> Tiles:
    """A tile for each pass."""
    return Tiles.of([one.cycles for one in done], [one.weight_bits for one in done],
                     list(map(dram_bits, fetched)), [one.output_bits for one in done],
                     load_cycles=[one.load_cycles for one in done])
