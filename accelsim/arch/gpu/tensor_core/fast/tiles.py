"""What a CTA tile costs on a design, and which one `tile: auto` takes. Rules: docs/machines/tensor_core.md, Tiles."""

from dataclasses import dataclass

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig, Tile, tile_named
from accelsim.errors import UnsupportedLayerError


@dataclass(frozen=True)
class LaunchGrid:
    """A layer as the GPU launches it. `k` holds the padding of channels to whole groups where `runs` is n_m."""

    runs: str
    products: int
    rows: int
    vectors: int
    k: int

    def tiles(self, tile: Tile) -> tuple[int, int]:
        """Tile rows and tile columns of one product."""
        return _ceil(self.rows, tile.m), _ceil(self.vectors, tile.n)

    def slices(self, tile: Tile, split_k: int) -> int:
        """Slices of K: no more than there are steps."""
        return min(split_k, _ceil(self.k, tile.k))

    def ctas(self, tile: Tile, split_k: int) -> int:
        rows, columns = self.tiles(tile)
        return self.products * self.slices(tile, split_k) * rows * columns


@dataclass(frozen=True)
class TileShape:
    """A tile on a design: warps along M and N, warp tile edges, and the work of one full k-step."""

    tile: Tile
    warps: tuple[int, int]
    warp_edges: tuple[int, int]
    inner: int
    warp_instructions: int
    issue_cycles: int
    issued_by_all_cycles: int
    step_bytes: tuple[int, int, int, int]
    occupancy: int

    @property
    def read_warps(self) -> tuple[int, int, int, int]:
        """How many warps read each of A, B and their metadata."""
        rows, columns = self.warps
        return columns, rows, columns, rows


def shape_of(tile: Tile, config: TensorCoreConfig, runs: str) -> TileShape:
    """Geometry of `tile`; the issue time and the bytes of a full step, every value non-zero."""
    edges = (max(config.mma_m, min(config.warp_edge, tile.m // 2)),
             max(config.mma_n, min(config.warp_edge, tile.n // 2)))
    warps = (tile.m // edges[0], tile.n // edges[1])
    kept_k = tile.k * config.nm_keep // config.nm_group if runs == "n_m" else tile.k
    inner = _ceil(kept_k, config.mma_k)
    per_warp = inner * (edges[0] // config.mma_m) * (edges[1] // config.mma_n)
    per_core = warps_per_core(warps[0] * warps[1], config.sub_cores_per_sm)
    bytes_ = full_bytes(tile, config, runs)
    occupancy = min(config.shared_bytes_per_sm // (tile.stages * sum(bytes_)),
                    config.warps_per_sm // (warps[0] * warps[1]))
    return TileShape(tile, warps, edges, inner, per_warp, max(per_core) * per_warp * config.mma_issue_cycles,
                 sum(per_core) * per_warp * config.mma_issue_cycles, bytes_, occupancy)


def warps_per_core(warps: int, sub_cores: int) -> list[int]:
    """Warps that each sub-core works for."""
    count = [0] * sub_cores
    for warp in range(warps):
        count[core_of(warp, sub_cores)] += 1
    return count


def core_of(warp: int, sub_cores: int) -> int:
    """The sub-core of a warp: in turn, shifted by one each time around."""
    return (warp + warp // sub_cores) % sub_cores


def full_bytes(tile: Tile, config: TensorCoreConfig, runs: str) -> tuple[int, int, int, int]:
    """Bytes of a full k-step of A, B and their metadata, every value non-zero."""
    return (value_bytes(tile.m, tile.k, config, runs == "n_m"), value_bytes(tile.n, tile.k, config, False),
            metadata_bytes(tile.m, tile.k, config, runs), metadata_bytes(tile.n, tile.k, config, runs, of_b=True))


def value_bytes(rows: int, k: int, config: TensorCoreConfig, compressed: bool) -> int:
    """Bytes of the values of a block of rows x k, all of them or the kept ones."""
    kept = k * config.nm_keep // config.nm_group if compressed else k
    return _ceil(rows * kept * config.operand_bits, 8)


def metadata_bytes(rows: int, k: int, config: TensorCoreConfig, runs: str, of_b: bool = False) -> int:
    """Bytes of indices (n_m, operand A) or of the bitmap (dual_side)."""
    if runs == "dual_side":
        return _ceil(rows * k, 8)
    if runs == "n_m" and not of_b:
        return _ceil(rows * (k * config.nm_keep // config.nm_group) * index_bits(config), 8)
    return 0


def index_bits(config: TensorCoreConfig) -> int:
    """Bits of the index of one kept value."""
    return (config.nm_group - 1).bit_length()


def choose(grid: LaunchGrid, config: TensorCoreConfig, layer_name: str) -> TileShape:
    """The tile of a layer. Raises UnsupportedLayerError when none fits the shared memory and the registers."""
    if config.tile == "auto":
        names = config.dense_tiles if grid.runs == "dense" else config.sparse_tiles
    else:
        names = [config.tile]
    shapes = [shape for name in names if (shape := shape_of(tile_named(name), config, grid.runs)).occupancy > 0]
    if not shapes:
        raise UnsupportedLayerError(f"layer {layer_name!r}: none of the tiles {', '.join(names)} fits an SM's "
                                    f"{config.shared_bytes_per_sm:,} bytes of shared memory and {config.warps_per_sm} "
                                    "warps; give a smaller tile or fewer stages")
    return min(shapes, key=lambda shape: _estimate(grid, shape, config))


def _estimate(grid: LaunchGrid, shape: TileShape, config: TensorCoreConfig) -> int:
    """Steps one after the other on the fullest SM, times what bounds a full step."""
    ctas, slices = grid.ctas(shape.tile, config.split_k), grid.slices(shape.tile, config.split_k)
    moved = sum(shape.step_bytes)
    read = sum(b * w for b, w in zip(shape.step_bytes, shape.read_warps, strict=True))
    step = max(shape.issue_cycles, _ceil(moved + read, config.shared_bytes_per_cycle),
               _ceil(min(config.sms, ctas) * moved, config.l2_bytes_per_cycle))
    return _ceil(ctas, config.sms) * _ceil(_ceil(grid.k, shape.tile.k), slices) * step


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
