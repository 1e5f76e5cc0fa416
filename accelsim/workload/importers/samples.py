"""Inputs: images and arrays as the samples that a model is run with, one at a time."""

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError, reason
from accelsim.files import sha256_of
from accelsim.workload.importers.arrays import read_arrays

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
MAX_PIXELS = 1 << 26
Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class Want:
    """One input of a model: its name, its shape (None for an open axis; None alone when unknown), its dtype."""

    name: str
    shape: Dims | None = None
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))


@dataclass(frozen=True)
class ImageRule:
    """How a picture becomes a tensor: (pixel / 255 - mean) / std per channel, for float inputs.

    size: (rows, columns) where the model leaves them open; None keeps the picture's own. bgr: channels reversed.
    An integer input gets the pixels 0..255 as they are.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For the trace's provenance."""
        return {"size": self.size and list(self.size), "mean": list(self.mean), "std": list(self.std), "bgr": self.bgr}


def image_rule(size: str | None, mean: str, std: str, bgr: bool) -> ImageRule:
    """The rule that a command line spells: size "HxW", mean and std one number or several with commas."""
    pair: tuple[int, int] | None = None
    if size is not None:
        rows, _, cols = size.partition("x")
        if not (rows.isascii() and rows.isdigit() and cols.isascii() and cols.isdigit()) or "0" in (rows, cols):
            raise RecordError(f"--size {size!r}: wanted ROWSxCOLUMNS, for example 224x224")
        pair = int(rows), int(cols)
    return ImageRule(pair, _numbers("--mean", mean), _numbers("--std", std), bgr)


def _numbers(key: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise RecordError(f"{key} {text!r}: wanted numbers with commas between them, for example 0.5,0.5,0.5") from None


Sample = dict[str, np.ndarray]


def read_samples(inputs: Any, wants: Sequence[Want] | None, rule: ImageRule,
                 limit: int | None) -> tuple[list[Sample], list[Any]]:
    """The samples and what is noted about them. `inputs`: paths, arrays or mappings of arrays, one or several.

    wants: what the model takes, or None when this is known only after running it; then names and shapes stay as they
    are given. An array whose first axis is longer than a model that takes 1 there is cut into samples; all else is one
    sample.
    Raises RecordError when nothing is given or something does not fit the model.
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise RecordError(f"samples is {limit!r}, wanted a whole number of at least 1")
    if wants is not None and not wants:
        raise RecordError("the model has no inputs; a model that computes constants alone has no activations to record")
    items = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    samples: list[Sample] = []
    notes: list[Any] = []
    for item in items:
        if limit is not None and len(samples) >= limit:
            break
        where, arrays, note = _read(item, wants or [Want("")], rule)
        new = [_free(where, arrays)] if wants is None else _split(_fit(where, arrays, wants), wants)
        samples += new if limit is None else new[:limit - len(samples)]
        notes.append(note)
    if not samples:
        raise RecordError("no inputs were given; real activations need at least one image or array")
    return samples, notes


def _read(item: Any, wants: Sequence[Want], rule: ImageRule) -> tuple[str, dict[str, np.ndarray], Any]:
    """(what it is called, arrays by input name or '', note)."""
    if isinstance(item, (str, os.PathLike)):
        path = Path(item)
        if not path.is_file():
            raise RecordError(f"input {path}: no such file; give images, .npy or .npz files")
        arrays = ({"": _image(path, _pictured(path, wants), rule)} if path.suffix.lower() in IMAGES
                  else dict(read_arrays(path)))
        return f"input {path}", arrays, {"file": path.name, "sha256": sha256_of(path)}
    arrays = ({str(k): np.asarray(v) for k, v in item.items()} if isinstance(item, Mapping)
              else {"": np.asarray(item)})
    sha = hashlib.sha256()
    for key in sorted(arrays):
        sha.update(np.ascontiguousarray(arrays[key]).tobytes())
    return "the input", arrays, {"arrays": {k: list(a.shape) for k, a in arrays.items()}, "sha256": sha.hexdigest()}


def _free(where: str, arrays: dict[str, np.ndarray]) -> Sample:
    """Numbers under the names they came with; floats as float32."""
    for name, array in arrays.items():
        _check_numbers(where, name, array)
    return {k: a.astype(np.float32) if a.dtype.kind == "f" else a for k, a in arrays.items()}


def _fit(where: str, arrays: dict[str, np.ndarray], wants: Sequence[Want]) -> Sample:
    """`arrays` under the model's names, in its dtypes, shapes checked."""
    named = {w.name for w in wants}
    if len(wants) == 1 and len(arrays) == 1 and not named & set(arrays):
        arrays = {wants[0].name: next(iter(arrays.values()))}
    if set(arrays) != named:
        raise RecordError(f"{where}: has {sorted(arrays)}, the model wants {sorted(named)}; "
                          "give one .npz (or mapping) with an array for each")
    return {w.name: _shaped(where, arrays[w.name], w) for w in wants}


def _shaped(where: str, array: np.ndarray, want: Want) -> np.ndarray:
    _check_numbers(where, want.name, array)
    array = array.astype(want.dtype)
    if want.shape is None:
        return array
    if array.ndim == len(want.shape) - 1 and want.shape[0] in (1, None):
        array = array[None]
    splits = len(want.shape) > 0 and want.shape[0] == 1 and array.shape[:1] > (1,)
    fits = array.ndim == len(want.shape) and all(
        n is None or n == m or (axis == 0 and splits)
        for axis, (n, m) in enumerate(zip(want.shape, array.shape, strict=True)))
    if not fits or array.size == 0:
        shape = ["?" if n is None else n for n in want.shape]
        raise RecordError(f"{where}: input {want.name!r} has shape {list(array.shape)}, the model wants {shape}")
    return array


def _check_numbers(where: str, name: str, array: np.ndarray) -> None:
    if array.dtype.kind not in "fiub":
        raise RecordError(f"{where}: input {name!r} has dtype {array.dtype}, wanted numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RecordError(f"{where}: input {name!r} holds NaN or infinity; clean it first")


def _split(sample: Sample, wants: Sequence[Want]) -> list[Sample]:
    counts = {sample[w.name].shape[0] for w in wants
              if w.shape and w.shape[0] == 1 and sample[w.name].shape[0] > 1}
    if not counts:
        return [sample]
    if len(counts) > 1:
        raise RecordError(f"the inputs hold different numbers of samples: {sorted(counts)}")
    return [{w.name: sample[w.name][i:i + 1] if w.shape and w.shape[0] == 1 and sample[w.name].shape[0] > 1
             else sample[w.name] for w in wants} for i in range(counts.pop())]


def _pictured(path: Path, wants: Sequence[Want]) -> Want:
    if len(wants) != 1:
        raise RecordError(f"input {path}: an image feeds a model with one input, this one has "
                          f"{[w.name for w in wants]}; give an .npz with an array for each")
    if wants[0].shape is not None and len(wants[0].shape) != 4:
        raise RecordError(f"input {path}: the model wants {len(wants[0].shape)} axes, an image gives 4 "
                          "[N, channels, rows, columns]; give an .npy instead")
    return wants[0]


def _image(path: Path, want: Want, rule: ImageRule) -> np.ndarray:
    """The picture as [1, C, H, W], or [1, H, W, C] for a model with channels last."""
    from PIL import Image

    shape = want.shape or (None, 3, None, None)
    last = shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels, rows, cols = (shape[3], shape[1], shape[2]) if last else shape[1:]
    if channels not in (1, 3, None):
        raise RecordError(f"input {path}: the model wants {channels} channels, an image has 1 or 3; give an .npy")
    rows, cols = (own or (rule.size and rule.size[axis]) for axis, own in enumerate((rows, cols)))
    if (rows or 1) * (cols or 1) > MAX_PIXELS:
        raise RecordError(f"input {path}: resizing to {rows} x {cols} is more than {MAX_PIXELS:,} pixels")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise RecordError(f"input {path}: {picture.width} x {picture.height} pixels are too many")
                size = cols or picture.width, rows or picture.height
                pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB").resize(
                    size, Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError,
            Image.DecompressionBombWarning) as error:
        raise RecordError(f"input {path}: not a readable image ({reason(error)})") from None
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    pixels = pixels[:, :, ::-1] if rule.bgr else pixels
    if want.dtype.kind == "f":
        mean, std = (_per_channel(key, value, pixels.shape[2]) for key, value in (("mean", rule.mean),
                                                                                  ("std", rule.std)))
        pixels = ((pixels / 255 - mean) / std).astype(want.dtype)
    return np.ascontiguousarray(pixels if last else pixels.transpose(2, 0, 1))[None]


def _per_channel(key: str, values: tuple[float, ...], channels: int) -> np.ndarray:
    if len(values) not in (1, channels) or not np.isfinite(values).all() or (key == "std" and 0 in values):
        raise RecordError(f"{key} is {values}, wanted 1 or {channels} numbers{', not zero' if key == 'std' else ''}")
    return np.array(values, np.float64)
