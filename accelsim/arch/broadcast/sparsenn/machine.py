"""Descriptor of SparseNN: what the machine declares of itself. Rules: docs/machines/sparsenn.md."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from accelsim.arch.broadcast.sparsenn.config import SparsennConfig
from accelsim.arch.broadcast.sparsenn.policies import POLICIES
from accelsim.arch.broadcast.sparsenn.predictor import factors
from accelsim.arch.facts import BUSY, About, Count, Stall, SurveyRow
from accelsim.arch.machine import Machine
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import assemble, matrix_products


class Sparsenn(Machine[SparsennConfig]):
    """SparseNN. Policies: see `accelsim.arch.broadcast.shared.policies`."""

    kind: ClassVar[str] = "sparsenn"
    version: ClassVar[int] = 1
    approximates: ClassVar[bool] = True
    config = SparsennConfig
    about = About(
        title="SparseNN", paper="Zhu et al., DATE 2018", slots="64 PEs", skips="activations; rows predicted to be zero",
        good_for="fully connected layers before a ReLU, batch 1",
        equal="EIE's authors' simulator in phase W on dense rows", abstracted="contention in the tree",
        policy="which PE has which rows", bound="all PEs busy with the useful work", tile="a vector",
        waits="queues, scan, barrier, the predictor's tree",
        survey=(SurveyRow("SparseNN", "FC", "-", "-", True, "N/A", "N/A"),),
    )
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("zero_weight", "wasted", "multiplies by a zero weight", "a machine that skips zero weights"),
        Stall("predict", "wasted", "multiplies for the predictor", "`rank`; `predictor: off`"),
        Stall("predict_wait", "imbalance", "waits for other PEs or the tree in the predictor's phases", "`rank`"),
        Stall("empty_column", "wasted", "is sent a value for which it keeps no row", "fewer `pes`", bound="on-chip"),
        Stall("starved", "operands", "waits for a value; the scan was free to send one", "fewer, longer vectors"),
        Stall("back_pressure", "imbalance", "waits for a value; another PE's full queue holds the scan", "policy"),
        Stall("barrier", "imbalance", "is done with the vector, others are not", "policy"),
        Stall("drain", "load_drain", "all are done; pipeline and scan run out", "fewer, longer vectors"),
    )
    counts = (
        Count("macs", "multiplications of two non-zeros in phase W (equals `busy`)"),
        Count("weight_reads", "weights of phase W read (`busy` + `zero_weight`)", "sparsenn_weight_read", 16, "weight"),
        Count("predictor_macs", "multiplications for the predictor (equals `predict`)", "sparsenn_multiply"),
        Count("multiplies", "multiplications in phase W (equals `weight_reads`)", "sparsenn_multiply"),
        Count("broadcasts", "non-zero values sent in phase W", data="activation"),
        Count("kept_rows", "rows kept, of all vectors", data="output"),
        Count("wrong_zeros", "rows that were not kept and whose output is above zero"),
    )
    policies = POLICIES
    mapping_keys = ("pes",)

    def expected_output(self, layer: Layer, config: SparsennConfig) -> np.ndarray:
        """Zero where the predictor says so."""
        results = []
        for product in matrix_products(layer):
            found = product.vectors.astype(np.int64) @ product.matrix.T.astype(np.int64)
            found += 0 if product.bias is None else product.bias
            made = factors(product.matrix, config)
            if made is not None:
                found *= (product.vectors.astype(np.int64) @ made.v.T) @ made.u.T > 0
            results.append(found)
        return assemble(layer, results)

    def notes(self, layer: Layer, config: SparsennConfig, mapping: Mapping[str, Any]) -> Iterator[str]:
        if mapping["predicted"]:
            yield ("outputs that the predictor takes for zero are zero; it is a truncated SVD of the layer's weights, "
                   "the paper's is learned")
