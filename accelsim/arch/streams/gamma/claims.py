"""Machines of streams: what the TeAAL compiler's models count on small products, and what is not compared yet."""

from functools import cache
from pathlib import Path

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Table
from accelsim.workload.sparse_matmul import sparse_matmul

GAMMA = {"S16": (8192, 8128, 19136, 423), "S32": (11392, 11200, 28736, 397), "S200": (86400, 84608, 314496, 4028)}
TRAFFIC = ("a_bits", "b_bits", "z_bits", "swaps")
EXTENSOR = {"a_bits": 19840, "b_bits": 12416, "z_read_bits": 4864, "z_write_bits": 19456, "k2_steps": 8,
            "k1_steps": 54, "k0_steps": 334}


@cache
def on_gamma(file: Path, case: str) -> RunNumbers:
    from scipy.sparse import csr_array

    stored = np.load(file)
    a, b = (csr_array((np.ones(len(stored[f"{case}_{side}_indices"]), bool), stored[f"{case}_{side}_indices"],
                       stored[f"{case}_{side}_indptr"]), shape=tuple(stored[f"{case}_{side}_shape"])) for side in "AB")
    return measured(sparse_matmul(case, a, b), "gamma", "in_order")


@cache
def tridiagonal() -> RunNumbers:
    band = np.tri(24, k=1, dtype=bool) & ~np.tri(24, k=-2, dtype=bool)
    return measured(sparse_matmul("tridiagonal", band, band), "extensor", pe_tile=4, llb_multipliers=2, time="roof")


def _gamma(case: str, name: str, value: int) -> Claim:
    """Pointers of B are on two lines more or fewer at most."""
    target = Table(value, abs=128) if name == "b_bits" else Exact(value)
    return Claim(f"gamma.{case}.{name}", f"{case}: {name}", target,
                 lambda file: on_gamma(file, case).counts[name])


CHAPTER = Chapter(
    "streams", "Gamma, ExTensor", ("gamma", "extensor"),
    exact="traffic and steps of the TeAAL compiler's models on small products",
    abstracted="rules are from third parties: no full paper could be read",
    groups=(
        Group("Gamma in the TeAAL compiler", "TeAAL (MICRO 2023), its model of Gamma, run",
              "patterns drawn by scipy, as stored; a pointer of each fiber that is named", tuple(
                  _gamma(case, name, value) for case, row in GAMMA.items()
                  for name, value in zip(TRAFFIC, row, strict=True)), seconds=1, needs="spgemm/patterns.npz"),
        Group("ExTensor in the TeAAL compiler", "TeAAL (MICRO 2023), its model of ExTensor, run",
              "none: a tridiagonal matrix of 24 rows times itself, PE tiles of 4, LLB tiles of 8", (
                  *(Claim(f"extensor.tridiagonal.{name}", name, Exact(value),
                          lambda name=name: tridiagonal().counts[name])
                    for name, value in EXTENSOR.items()),
                  Claim("extensor.tridiagonal.ns", "roof time", Table(96.494, abs=0.001),
                        lambda: tridiagonal().layers[0].mapping["roof_ns"], "ns")), seconds=1)),
    unchecked=(
        ("Gamma on wiki-Vote, ca-CondMat, poisson3Da: 210,160, 262,508 and 373,730 ns", "the matrices are not here"),
        ("ExTensor on wiki-Vote, ca-CondMat, poisson3Da: 681,000, 2,128,000 and 6,086,000 ns", "likewise"),
        ("ExTensor 3.4x over a CPU, Gamma 2.1x over other accelerators", "not compared yet")))
