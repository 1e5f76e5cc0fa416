"""The released controller of Spectral CNN. Rules: docs/machines/spectral_cnn_rtl.md and spectral.md."""

from typing import ClassVar

from accelsim.arch.facts import About, Stall
from accelsim.arch.spectral.shared.alike import SpectralMachine
from accelsim.arch.spectral.shared.facts import COMMON_COUNTS, PRODUCT_STALLS, SCHEDULES
from accelsim.arch.spectral.spectral_cnn_rtl.config import SpectralCnnRtlConfig
from accelsim.arch.spectral.spectral_cnn_rtl.policies import POLICIES

DOUBLE_BUFFERS = "kind `spectral_cnn`, where it is hidden"


class SpectralCnnRtl(SpectralMachine[SpectralCnnRtlConfig]):
    """The released Verilog (2019). Exact: loads, beats and runs. Abstracted: what it skips by mistake."""

    kind: ClassVar[str] = "spectral_cnn_rtl"
    version: ClassVar[int] = 1
    config = SpectralCnnRtlConfig
    about = About(
        title="Spectral CNN's released controller", paper="Niu et al., FPGA 2020, their Verilog",
        slots="576 complex multipliers", skips="pruned values of spectral kernels",
        good_for="what overlap is worth", equal="loads, and cycles of a run, of the simulated controller",
        abstracted="work that the released controller skips by mistake; output words leave unseen",
        policy=SCHEDULES, bound="most entries of a kernel, or distinct indices over replicas",
        tile="a block of tiles and kernels", waits="loads through its ports, transforms",
    )
    stalls = (
        *PRODUCT_STALLS,
        Stall("load_inputs", "load_drain", "waits for a tile group's load", f"wider `port_bits`; {DOUBLE_BUFFERS}"),
        Stall("fft", "load_drain", "waits for tiles to be transformed",
              f"more `replica_write_words`; {DOUBLE_BUFFERS}"),
        Stall("load_kernels", "load_drain", "waits for the values of a kernel group",
              f"wider `port_bits`; larger `tile_block`; {DOUBLE_BUFFERS}"),
        Stall("load_indices", "load_drain", "waits for selectors and index rows", "wider `port_bits`"),
        Stall("run_overhead", "load_drain", "fills or empties its pipeline in a run", "longer schedules"),
        Stall("extra_pass", "wasted", "is in the channel pass that the released counters make too many",
              "`extra_pass: false`", bound="on-chip"),
        Stall("ifft", "load_drain", "waits for sums to be transformed back", "fewer `ifft_cycles_per_tile`"),
    )
    counts = COMMON_COUNTS
    policies = POLICIES
