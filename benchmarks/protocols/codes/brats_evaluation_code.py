"""What calls BraTS_evaluation has in common: two files, its JSON, and its table without the deviations."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def numbers_of(case: Any, config: str, *, by_volume: bool = False) -> dict[str, float]:
    """By the names of the parser."""
    import brats_evaluation
    import nibabel
    import pandas as pd
    from brats_evaluation.evaluation import evaluate_single_exam
    from brats_evaluation.metrics_parser import parse_mets_results, parse_seg_results
    from panoptica import Panoptica_Evaluator

    path = Path(brats_evaluation.__file__).parent / "configs" / f"config_{config}.yaml"
    quiet = (contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()))
    with tempfile.TemporaryDirectory() as name, quiet[0], quiet[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = [str(Path(name) / f"{side}.nii.gz") for side in "pr"]
        for file, labels in zip(paths, (case.h, case.y), strict=True):
            nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0])).to_filename(file)
        found = evaluate_single_exam(*paths, "case", Panoptica_Evaluator.load_from_config(str(path)))
        if "error" in found:
            raise ValueError(found["error"])
        summary, table = Path(name) / "summary.json", Path(name) / "table.csv"
        summary.write_text(json.dumps({"metrics": [found], "missings": []}))
        if by_volume:
            parse_mets_results(str(summary), 20.0, 0.1, str(table))
        else:
            parse_seg_results(str(summary), str(table))
        line = pd.read_csv(table).iloc[0].to_dict()
    return {key: float(value) for key, value in line.items() if key != "subject_id" and "_std_" not in key}
