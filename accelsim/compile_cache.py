"""Where numba keeps compiled kernels: a place that can be written is always found, and what is damaged is made anew.

numba looks at NUMBA_CACHE_DIR, then at the folder of the source file, then at the user's cache folder, and refuses to
work where none can be written (a read-only installation without a HOME: containers, cluster nodes); a file that was
cut ends in an error of its unpickler. Importing this module mends both, for every function that numba caches, and
spares the start what no kernel needs.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from numba.core import caching
from numba.np import linalg


class TemporaryCacheLocator(caching.UserWideCacheLocator):
    """The last resort: a folder of this process, which its children share, gone when it ends."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = os.path.join(_temporary_folder(), self.get_suitable_cache_subpath(py_file))

    def ensure_cache_path(self) -> None:
        with contextlib.suppress(OSError):
            super().ensure_cache_path()

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "TemporaryCacheLocator | None":
        return cls(py_func, py_file) if os.path.exists(py_file) else None


@cache
def _temporary_folder() -> str:
    try:
        folder = tempfile.mkdtemp(prefix="accelsim-numba-")
    except OSError:  # nothing at all can be written: every process compiles for itself
        return os.path.join(os.sep, "nonexistent", "accelsim-numba")
    atexit.register(_remove, os.getpid(), folder)
    os.environ.setdefault("NUMBA_CACHE_DIR", folder)
    warnings.warn("no folder for compiled kernels can be written: they are compiled into a temporary one, anew in "
                  "every run, for up to a minute; set NUMBA_CACHE_DIR to a folder that stays", stacklevel=2)
    return folder


def _remove(owner: int, folder: str) -> None:
    if os.getpid() == owner:  # not in a fork
        shutil.rmtree(folder, ignore_errors=True)


class MendingCacheFile(caching.IndexDataCacheFile):
    """numba's files of one function, for which a damaged one is a missing one."""

    def load(self, key: Any) -> Any:
        try:
            return super().load(key)
        except Exception:  # an unpickler of damaged bytes may raise anything
            self._forget()
            return None

    def save(self, key: Any, data: Any) -> None:
        try:
            super().save(key, data)
        except OSError:  # a full disk, a folder that was closed: compiled code need not be kept
            pass
        except Exception:  # the index is damaged
            self._forget()
            with contextlib.suppress(OSError):
                super().save(key, data)

    def _forget(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._index_path).unlink()


def _load_without_blas() -> None:
    """numba's array functions, which import scipy's linear algebra (a quarter of a second) to see whether it is there.

    It is; whoever compiles a matrix product still has it loaded and checked then.
    """
    check, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        arraymath: Any = import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = check
    arraymath.ensure_blas = check


def _install() -> None:
    if TemporaryCacheLocator not in caching.CacheImpl._locator_classes:
        caching.CacheImpl._locator_classes.append(TemporaryCacheLocator)
        vars(caching)["IndexDataCacheFile"] = MendingCacheFile


_install()
_load_without_blas()
