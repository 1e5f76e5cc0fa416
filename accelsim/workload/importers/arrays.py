"""Arrays from .npy, .npz and .safetensors files, without trusting them: no pickle, no size that a header invents."""

import json
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from accelsim.errors import RecordError

MAX_BYTES = 4 << 30  # of one file's arrays, unpacked
_SAFE_KINDS = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16", "F32", "F64"}
# what the decoders of these formats raise on damaged bytes
DECODING = (ValueError, EOFError, MemoryError, ArithmeticError, LookupError, TypeError, RuntimeError, SyntaxError,
            tokenize.TokenError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, zipfile.LargeZipFile)


def read_arrays(path: Path) -> Mapping[str, np.ndarray]:
    """Every array of `path` by name ('' for the one array of a .npy file).

    Raises RecordError for what is not such a file, holds objects, or would unpack to more than `MAX_BYTES`.
    """
    suffix = path.suffix.lower()
    readers = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}
    if suffix not in readers:
        raise RecordError(f"{path}: wanted a .npy, .npz or .safetensors file")
    try:
        return readers[suffix](path)
    except RecordError:
        raise
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); give the path of a file") from None
    except DECODING as error:
        raise RecordError(f"{path}: not a readable {suffix} file ({_first(error)}); write it again") from None


def check_archive(path: Path, writer: str = "numpy") -> None:
    """RecordError when `path` is not a zip archive, or would unpack to more than `MAX_BYTES`."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, archive)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); give the path of a file") from None
    except DECODING as error:
        raise RecordError(f"{path}: not a readable archive of {writer} ({_first(error)}); write it again") from None


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    total = sum(m.file_size for m in archive.infolist())
    if total > MAX_BYTES:
        raise RecordError(f"{path}: {path.stat().st_size:,} bytes would unpack to {total:,}, more than "
                          f"{MAX_BYTES:,}; store large weights as .safetensors")


def _npy(path: Path) -> Mapping[str, np.ndarray]:
    with path.open("rb") as file:
        return {"": _member(str(path), file, path.stat().st_size)}


def _npz(path: Path) -> Mapping[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        _check_size(path, archive)
        arrays = {}
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                raise RecordError(f"{path}: holds {member.filename[:80]!r}, wanted .npy members alone (numpy.savez)")
            with archive.open(member) as file:
                arrays[member.filename.removesuffix(".npy")] = _member(f"{path}[{member.filename}]", file,
                                                                      member.file_size)
        return arrays


def _member(where: str, file: IO[bytes], size_bytes: int) -> np.ndarray:
    """One array in numpy's format; the header's shape must be what the bytes hold, before anything is allocated."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise RecordError(f"{where}: numpy format {version} is unknown; write it with numpy.save")
    try:
        shape, fortran, dtype = readers[version](file)
    except OSError:
        raise
    except Exception:  # numpy reads the header as Python's literals, and what it raises shows how
        raise RecordError(f"{where}: its header is not one that numpy writes; write it again with numpy.save") from None
    if dtype.hasobject:
        raise RecordError(f"{where}: holds Python objects, which are never loaded; save a numeric array")
    wanted = math.prod(shape) * dtype.itemsize
    header = file.tell()
    if wanted != size_bytes - header or wanted > MAX_BYTES:
        raise RecordError(f"{where}: its header promises {list(shape)} {dtype} ({wanted:,} bytes), it holds "
                          f"{size_bytes - header:,}; the file was cut or its header is wrong")
    data = file.read(wanted)
    if len(data) != wanted:
        raise RecordError(f"{where}: ends after {len(data):,} of {wanted:,} bytes; write it again")
    flat = np.frombuffer(data, dtype)
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def _safetensors(path: Path) -> Mapping[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            kinds = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118 (not a mapping)
            unknown = sorted(set(kinds.values()) - _SAFE_KINDS)
            if unknown:
                raise RecordError(f"{path}: holds tensors of the types {', '.join(unknown)}, which have no rule; save "
                                  "them as float32, float16, bfloat16 or integers")
            narrow = [key for key, kind in kinds.items() if kind == "BF16"]
            return {key: file.get_tensor(key) for key in kinds if key not in narrow} | _bfloat16(path, narrow)
    except (SafetensorError, TypeError, KeyError) as error:
        raise RecordError(f"{path}: not a readable safetensors file ({_first(error)}); write it again") from None


def _bfloat16(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """bfloat16 tensors, which numpy lacks, as the float32 that they are exactly: their bits are its upper half.

    The file's header is known to be sound.
    """
    if not names:
        return {}
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        found = {}
        for name in names:
            first, last = header[name]["data_offsets"]
            file.seek(8 + size + first)
            upper = np.frombuffer(file.read(last - first), "<u2").astype(np.uint32)
            found[name] = (upper << 16).view(np.float32).reshape(header[name]["shape"])
    return found


def _first(error: Any) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
