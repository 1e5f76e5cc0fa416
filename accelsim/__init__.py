"""accelsim: cycle-level simulation of sparse-DNN accelerators on real pruned models.

    import accelsim
    result = accelsim.simulate("digits_cnn", arch="eie")
    print(result)

Names are loaded on first use, so that importing accelsim stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.arch.registry import load_arch
    from accelsim.errors import (
        AccelsimError,
        AccountingError,
        CapacityError,
        ClusterError,
        ConfigError,
        DeadlockError,
        PolicyError,
        PruneError,
        RecordError,
        ReportError,
        StoreError,
        TraceError,
        UnsupportedLayerError,
    )
    from accelsim.result.comparison import PolicyComparison
    from accelsim.result.result import LayerResult, Result
    from accelsim.simulation import simulate
    from accelsim.study.policies import compare_policies
    from accelsim.study.sweep import SweepResult, sweep
    from accelsim.timelines.timeline import Timeline, timeline
    from accelsim.workload.conv2d import Conv2d, conv2d
    from accelsim.workload.dispersion import Dispersion
    from accelsim.workload.importers.sparse_files import load_matrix
    from accelsim.workload.layer import Layer
    from accelsim.workload.matmul import Matmul, linear, matmul
    from accelsim.workload.prune import prune
    from accelsim.workload.published import load_workload
    from accelsim.workload.quantize import quantize
    from accelsim.workload.record import record
    from accelsim.workload.recurrent import Recurrent
    from accelsim.workload.recurrent_cell import CellScales, RecurrentCell
    from accelsim.workload.recurrent_maker import recurrent
    from accelsim.workload.sparse_matmul import SparseMatmul, sparse_matmul
    from accelsim.workload.sparse_patterns import draw_sparse
    from accelsim.workload.synthetic import draw_trace
    from accelsim.workload.trace import Trace, load_trace

__version__ = "0.1.0"

_HOMES = {
    "accelsim.arch.registry": ("load_arch",),
    "accelsim.errors": ("AccelsimError", "AccountingError", "CapacityError", "ClusterError", "ConfigError",
                        "DeadlockError", "PolicyError", "PruneError", "RecordError", "ReportError", "StoreError",
                        "TraceError", "UnsupportedLayerError"),
    "accelsim.result.comparison": ("PolicyComparison",),
    "accelsim.result.result": ("LayerResult", "Result"),
    "accelsim.simulation": ("simulate",),
    "accelsim.workload.dispersion": ("Dispersion",),
    "accelsim.study.policies": ("compare_policies",),
    "accelsim.study.sweep": ("SweepResult", "sweep"),
    "accelsim.timelines.timeline": ("Timeline", "timeline"),
    "accelsim.workload.conv2d": ("Conv2d", "conv2d"),
    "accelsim.workload.importers.sparse_files": ("load_matrix",),
    "accelsim.workload.layer": ("Layer",),
    "accelsim.workload.matmul": ("Matmul", "linear", "matmul"),
    "accelsim.workload.prune": ("prune",),
    "accelsim.workload.published": ("load_workload",),
    "accelsim.workload.quantize": ("quantize",),
    "accelsim.workload.record": ("record",),
    "accelsim.workload.recurrent": ("Recurrent",),
    "accelsim.workload.recurrent_cell": ("CellScales", "RecurrentCell"),
    "accelsim.workload.recurrent_maker": ("recurrent",),
    "accelsim.workload.sparse_matmul": ("SparseMatmul", "sparse_matmul"),
    "accelsim.workload.sparse_patterns": ("draw_sparse",),
    "accelsim.workload.synthetic": ("draw_trace",),
    "accelsim.workload.trace": ("Trace", "load_trace"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccelsimError", "AccountingError", "CapacityError", "CellScales", "ClusterError", "ConfigError", "Conv2d",
    "DeadlockError", "Dispersion", "Layer", "LayerResult", "Matmul", "PolicyComparison", "PolicyError", "PruneError",
    "RecordError", "Recurrent", "RecurrentCell", "ReportError", "Result", "SparseMatmul", "StoreError", "SweepResult",
    "Timeline", "Trace", "TraceError", "UnsupportedLayerError", "compare_policies", "conv2d", "draw_sparse",
    "draw_trace", "linear", "load_arch", "load_matrix", "load_trace", "load_workload", "matmul", "prune", "quantize",
    "record", "recurrent", "simulate", "sparse_matmul", "sweep", "timeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'accelsim' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
