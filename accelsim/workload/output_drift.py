"""How far a model's outputs move when its operands are pruned or rounded."""

import numpy as np

LARGE = 0.1  # relative distance of the outputs above which people are warned


def output_drift(before: list[list[np.ndarray]], after: list[list[np.ndarray]]) -> dict[str, float]:
    """Of the outputs of each sample, over all samples; empty where they are not finite or not of equal shape."""
    old = np.concatenate([v.ravel() for sample in before for v in sample] or [np.zeros(0)]).astype(np.float64)
    new = np.concatenate([v.ravel() for sample in after for v in sample] or [np.zeros(0)]).astype(np.float64)
    if old.shape != new.shape or not old.size or not np.isfinite([old.sum(), new.sum()]).all():
        return {}
    norms = float(np.linalg.norm(old)), float(np.linalg.norm(new))
    drift = {"relative_l2": float(np.linalg.norm(new - old)) / norms[0] if norms[0] else 0.0,
             "cosine": float(old @ new) / (norms[0] * norms[1]) if all(norms) else 0.0}
    pairs = [(a[0], b[0]) for a, b in zip(before, after, strict=True) if a[0].ndim >= 1 and a[0].shape[-1] > 1]
    if pairs:
        drift["same_largest_output"] = float(np.mean([(a.argmax(-1) == b.argmax(-1)).mean() for a, b in pairs]))
    return {key: value for key, value in drift.items() if np.isfinite(value)}


def drift_text(drift: dict[str, float]) -> str:
    """`output_drift` for people."""
    parts = [f"{key.replace('_', ' ')} {value:.3f}" for key, value in drift.items()]
    return ", ".join(parts) or "not known (no finite outputs)"
