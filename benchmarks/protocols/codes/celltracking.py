"""ctc_metrics: match on TIFF files, then seg and det."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "cells"


def evaluate(case: Any) -> dict[str, float]:
    """Of one frame; without a cell there is nothing to divide by."""
    if not case.y.any():
        return {"SEG_frame": np.nan, "DET_frame": np.nan}
    found = evaluate_all([case])
    return {f"{name}_frame": found[name] for name in ("SEG", "DET")}


def evaluate_all(cases: Sequence[Any]) -> dict[str, float]:
    """Of all frames."""
    import tifffile
    from ctc_metrics.metrics import det, op_csb, seg
    from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations, match

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            paths = [str(Path(folder) / f"{side}{number}.tif") for side in "yh"]
            for path, labels in zip(paths, (case.y, case.h), strict=True):
                tifffile.imwrite(path, labels[..., 0].astype(np.uint16))
            found.append(match(*paths))
    labels_ref, labels_comp, mapped_ref, mapped_comp, ious = (list(each) for each in zip(*found, strict=True))
    stats = count_acyclic_graph_correction_operations(None, None, labels_ref, labels_comp, mapped_ref, mapped_comp)
    found = {"SEG": seg(labels_ref, ious), "DET": det(**stats)}
    return {**found, "OP_CSB": op_csb(found["SEG"], found["DET"])}
