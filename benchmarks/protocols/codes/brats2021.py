"""A program of a few lines, compiled into the folder, that prints what GetBraTSLabelStatistics of two files returns.

Beside it lies Hausdorff95, which runs the script of HausdorffCLI.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "gliomas"
_METRICS = ("Dice", "Hausdorff95", "Sensitivity", "Specificity", "Precision")


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import nibabel

    with tempfile.TemporaryDirectory() as name:
        paths = []
        for side, labels in (("gold", case.y), ("prediction", case.h)):
            image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
            paths.append(f"{name}/{side}.nii.gz")
            image.to_filename(paths[-1])
        command = [str(Path(sys.path[0]) / "brats"), *paths]
        run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (a program of one's own)
    lines = [line.split()[1:] for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    found = {f"{metric}_{label}": float(value) for label, metric, value in lines}
    return {f"{metric}_{region}": found[f"{metric}_{region}"] for region in ("WT", "TC", "ET") for metric in _METRICS}
