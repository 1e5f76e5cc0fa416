"""Parameters of a GPU with tensor cores."""

import re
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig

MAX_SLOTS = 1 << 24
MAX_RATE = 1 << 24  # bytes per cycle
MAX_TILE, MAX_STAGES, MAX_TILES = 4096, 64, 32
_NAME = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})_([1-9]\d{0,3})x([1-9]\d?)", re.ASCII)


class Tile(NamedTuple):
    """A CTA tile: rows of A, vectors of B, K of one step, stages of the copy pipeline."""

    m: int
    n: int
    k: int
    stages: int

    @property
    def name(self) -> str:
        """CUTLASS's spelling, for instance 128x128_64x3."""
        return f"{self.m}x{self.n}_{self.k}x{self.stages}"


def tile_named(name: str) -> Tile:
    """The tile that `name` (for instance 128x128_64x3) spells. Raises ValueError."""
    match = _NAME.fullmatch(name)
    tile = Tile(*map(int, match.groups())) if match else Tile(0, 0, 0, 0)
    powers = tile.m & (tile.m - 1) == 0 and tile.n & (tile.n - 1) == 0
    if min(tile) < 1 or max(tile) > MAX_TILE or not 2 <= tile.stages <= MAX_STAGES or not powers:
        raise ValueError(f"{name[:40]!r} is not a tile; wanted MxN_KxSTAGES such as 128x128_64x3, M and N powers of "
                         f"two, none above {MAX_TILE}, 2 to {MAX_STAGES} stages")
    return tile


def tile_problem(tile: Tile, config: "TensorCoreConfig", compressed: bool) -> str:
    """Why this design's instructions cannot work on `tile`, or nothing."""
    if tile.m < config.mma_m or tile.n < config.mma_n:
        return f"tile {tile.name} is smaller than an instruction's {config.mma_m} x {config.mma_n}"
    if compressed and tile.k % config.nm_group:
        return f"K of tile {tile.name} is not a multiple of nm_group, {config.nm_group}"
    return ""


class TensorCoreConfig(ArchConfig):
    """Tensor cores in SMs over one L2; see docs/machines/tensor_core.md for what each key does to the cycles."""

    kind: ClassVar[str] = "tensor_core"
    sms: int = Field(ge=1, le=4096, description="streaming multiprocessors")
    sub_cores_per_sm: int = Field(ge=1, le=64, description="tensor cores per SM")
    mode: Literal["dense", "n_m", "dual_side"] = Field(
        description="dense; n_m: operand A compressed N:M; dual_side: both operands condensed by bitmaps")
    nm_keep: int = Field(ge=1, le=64, description="non-zeros at most in a group of operand A")
    nm_group: int = Field(ge=2, le=64, description="values of a group along K")
    mma_m: int = Field(ge=1, le=256, description="rows of A of one instruction, a power of two")
    mma_n: int = Field(ge=1, le=256, description="columns of B of one instruction, a power of two")
    mma_k: int = Field(ge=1, le=1024, description="values along K (kept ones where A is compressed) of one instruction")
    mma_issue_cycles: int = Field(ge=1, le=4096, description="cycles one instruction takes a tensor core")
    mma_latency_cycles: int = Field(ge=0, le=100_000, description="from issue to a usable sum")
    tile: str = Field(description="auto, or one CTA tile for every layer, such as 128x128_64x3")
    sparse_tiles: list[str] = Field(max_length=MAX_TILES, description="candidates of auto for n_m and dual_side")
    dense_tiles: list[str] = Field(max_length=MAX_TILES, description="candidates of auto for layers that run dense")
    warp_edge: int = Field(ge=1, le=MAX_TILE, description="largest edge of a warp tile, a power of two")
    split_k: int = Field(ge=1, le=1024, description="slices of K with CTAs of their own")
    swizzle: int = Field(ge=1, le=65536, description="tile columns that successive CTAs stay in")
    operand_bits: int = Field(ge=1, le=64, description="bits of a value of A or B")
    accumulator_bits: int = Field(ge=1, le=64, description="bits of a partial sum")
    output_bits: int = Field(ge=1, le=64, description="bits of a value of C")
    shared_bytes_per_sm: int = Field(ge=1, le=1 << 30, description="shared memory of an SM")
    shared_bytes_per_cycle: int = Field(ge=1, le=MAX_RATE, description="shared-memory bandwidth of an SM")
    warps_per_sm: int = Field(ge=1, le=1024, description="warps whose registers fit an SM")
    port_bytes_per_cycle: int = Field(ge=1, le=MAX_RATE, description="bandwidth between L2 and one SM")
    l2_bytes: int = Field(ge=0, le=1 << 40, description="capacity of the L2")
    l2_bytes_per_cycle: int = Field(ge=1, le=MAX_RATE, description="bandwidth of the L2, all SMs together")
    l2_latency_cycles: int = Field(ge=0, le=1_000_000, description="from the last byte read in L2 to shared memory")
    dram_bytes_per_cycle: int = Field(ge=1, le=MAX_RATE, description="DRAM bandwidth per cycle, without dram")
    dram_latency_cycles: int = Field(ge=0, le=1_000_000, description="what a miss in L2 adds, without dram")
    launch_cycles: int = Field(ge=0, le=1 << 40, description="before each layer (kernel launch)")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("mma_m", "mma_n", "warp_edge"):
            if getattr(self, key) & (getattr(self, key) - 1):
                raise ValueError(f"{key}: must be a power of two, got {getattr(self, key)}")
        if self.nm_keep > self.nm_group:
            raise ValueError(f"nm_keep: {self.nm_keep} is more than nm_group, {self.nm_group}; keep at most the group")
        if self.mma_m * self.mma_n * self.mma_k % self.mma_issue_cycles:
            raise ValueError(f"mma_issue_cycles: {self.mma_issue_cycles} does not divide mma_m x mma_n x mma_k = "
                             f"{self.mma_m * self.mma_n * self.mma_k}; a tensor core has whole multipliers")
        if self.mode == "dual_side" and self.mma_k != 1:
            raise ValueError("mma_k: dual_side condenses one k at a time; give mma_k: 1")
        if self.slots > MAX_SLOTS:
            raise ValueError(f"sms x sub_cores_per_sm x multipliers = {self.slots:,}, more than {MAX_SLOTS:,}; "
                             "give fewer")
        self._check_tiles()
        self._check_memory()
        return self

    def _check_memory(self) -> None:
        """Words of `dram` that tensor cores cannot follow are told, not passed over."""
        if self.dram is None:
            return
        if self.dram.row_buffer:
            raise ValueError("dram.row_buffer: the DRAM of kind 'tensor_core' counts bytes and has no rows; leave it "
                             "false, or choose another machine")
        for key in ("buffering", "prefetch_weights", "resident_weights", "resident_activations"):
            value, default = getattr(self, key), type(self).model_fields[key].default
            if value != default:
                raise ValueError(f"{key}: kind 'tensor_core' follows its own pipeline stages and L2 (tile, l2_bytes), "
                                 f"so {str(value).lower()} would have no effect; leave out {key}, or give "
                                 f"{str(default).lower()}")

    def _check_tiles(self) -> None:
        if self.tile != "auto":
            self._usable("tile", self.tile, self.mode == "n_m")
        for name in self.sparse_tiles:
            self._usable("sparse_tiles", name, self.mode == "n_m")
        for name in self.dense_tiles:
            self._usable("dense_tiles", name, False)
        for key, needed in (("sparse_tiles", self.mode != "dense"), ("dense_tiles", self.mode != "dual_side")):
            if needed and self.tile == "auto" and not getattr(self, key):
                raise ValueError(f"{key}: mode {self.mode} with tile: auto wants at least one candidate")

    def _usable(self, key: str, name: str, compressed: bool) -> None:
        try:
            problem = tile_problem(tile_named(name), self, compressed)
        except ValueError as error:
            problem = str(error)
        if problem:
            raise ValueError(f"{key}: {problem}")

    @property
    def multipliers_per_core(self) -> int:
        """Multipliers of one tensor core."""
        return self.mma_m * self.mma_n * self.mma_k // self.mma_issue_cycles

    @property
    def slots(self) -> int:
        """Multipliers of the whole machine."""
        return self.sms * self.sub_cores_per_sm * self.multipliers_per_core
