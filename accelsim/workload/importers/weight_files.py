"""Files of weights alone, as arrays by name: safetensors (sharded too), npz, saved state dicts, .mtx and .smtx.

What training tools leave in such files is put in order: masks of `torch.nn.utils.prune`, half and double precision.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from accelsim.errors import RecordError, reason
from accelsim.files import sha256_of
from accelsim.workload.importers.arrays import read_arrays
from accelsim.workload.importers.matrix_files import MATRICES, read_matrix

STATES = (".pt", ".pth", ".bin")  # written by torch.save
_INDEX_BYTES = 64 << 20
_ORIG, _MASK = "_orig", "_mask"  # endings that torch.nn.utils.prune gives a weight and its mask


class WeightFile:
    """The tensors of a weight file: `name in weights`, `weights[name]`; `notes` tells what was done to them."""

    def __init__(self, arrays: Mapping[str, np.ndarray], notes: Mapping[str, object] | None = None) -> None:
        self._arrays, self.notes = arrays, dict(notes or {})
        self._masked: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._arrays or {name + _ORIG, name + _MASK} <= set(self._arrays)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays and name in self:
            weight, mask = self._arrays[name + _ORIG], self._arrays[name + _MASK]
            if weight.shape != mask.shape:
                raise RecordError(f"tensor {name + _ORIG!r} is {list(weight.shape)}, its mask {list(mask.shape)}")
            self._masked.append(name)
            self.notes["masked"] = [f"{n} = {n}{_ORIG} * {n}{_MASK}" for n in self._masked]
            return self._float32(weight) * self._float32(mask)
        return self._float32(self._arrays[name])

    def _float32(self, array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f" or array.dtype == np.float32:
            return array
        self.notes["computed"] = f"{array.dtype} weights in float32"
        return array.astype(np.float32)


def read_weights(path: Path) -> WeightFile:
    """The tensors of `path`. Raises RecordError for what is no such file, or is damaged."""
    if path.suffix == ".json":
        return _sharded(path)
    if path.suffix in STATES:
        from accelsim.workload.importers.torch_state import read_state

        return WeightFile(read_state(path))
    if path.suffix in MATRICES:
        return WeightFile({path.stem: read_matrix(path).astype(np.float32)})
    if path.suffix == ".npy":
        return WeightFile({path.stem: read_arrays(path)[""]})
    return WeightFile(read_arrays(path))


class _Shards(Mapping[str, np.ndarray]):
    """Tensors in several files, each of which is read when one of its tensors is asked for."""

    def __init__(self, path: Path, places: Mapping[str, Path],
                 read: Callable[[Path], Mapping[str, np.ndarray]]) -> None:
        self._path, self._places, self._read = path, places, read
        self._open: dict[Path, Mapping[str, np.ndarray]] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        place = self._places[name]
        if place not in self._open:
            self._open[place] = self._read(place)
        if name not in self._open[place]:
            raise RecordError(f"{self._path}: places {name[:80]!r} in {place.name}, which does not hold it; download "
                              "both again")
        return self._open[place][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _sharded(path: Path) -> WeightFile:
    """The shards that a model.safetensors.index.json (or pytorch_model.bin.index.json) names, all beside it."""
    wanted = 'wanted {"weight_map": {tensor: file}}, as model hubs write it'
    try:
        if path.stat().st_size > _INDEX_BYTES:
            raise RecordError(f"{path}: {path.stat().st_size:,} bytes are no index of shards")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); give the path of a file") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not readable JSON ({reason(error)}); {wanted}") from None
    names = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(names, dict) or not names or not all(isinstance(v, str) for v in names.values()):
        raise RecordError(f"{path}: is no index of shards; {wanted}")
    folder, files = path.parent.resolve(), {}
    for file in sorted(set(names.values())):
        place = folder / file
        if Path(file).name != file or not place.resolve().is_relative_to(folder):
            raise RecordError(f"{path}: points outside its folder ({file[:80]!r}), which is refused; keep shards "
                              "beside their index")
        if not place.is_file():
            raise RecordError(f"{path}: shard {file[:80]!r} is missing; download it beside the index")
        files[file] = place
    from accelsim.workload.importers.torch_state import read_state

    def read(place: Path) -> Mapping[str, np.ndarray]:
        return read_state(place) if place.suffix in STATES else read_arrays(place)

    shards = {file: sha256_of(place) for file, place in files.items()}
    return WeightFile(_Shards(path, {n: files[f] for n, f in names.items()}, read), {"shards": shards})
