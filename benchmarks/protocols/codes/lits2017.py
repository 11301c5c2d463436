"""program/evaluate.py, a program for Python 2.7 and the packages of its requirements.txt.

SEGEVAL_LITS_PYTHON names an interpreter that has them. The numbers are taken before they are rounded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "organs with tumours"

_LIVER = ("dice", "jaccard", "voe", "rvd", "assd", "rmsd", "msd", "dice_per_case")
_RUN = """
import json, os, runpy, sys
folder, out = sys.argv[1:]
sys.path.insert(0, folder)
sys.argv = ["evaluate.py", out, out]
printed, sys.stdout = sys.stdout, open(os.devnull, "w")
found = runpy.run_path(os.path.join(folder, "evaluate.py"))
sys.stdout = printed
wanted = ("lesion_segmentation_metrics", "liver_segmentation_metrics")
numbers = {name: {key: float(value) for key, value in found[name].items()} for name in wanted}
numbers["burden"] = [float(value) for value in found["tumor_burden_list"]]
numbers["rmse"], numbers["max"] = float(found["tumor_burden_rmse"]), float(found["tumor_burden_max"])
print(json.dumps(numbers))
"""


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    found = _run([case])
    numbers = {f"liver_{name}": found["liver_segmentation_metrics"][name] for name in _LIVER}
    numbers["lesion_dice_per_case"] = found["lesion_segmentation_metrics"]["dice_per_case"]
    return numbers | {"tumor_burden_difference": found["burden"][0]}


def evaluate_all(cases: list[Any]) -> dict[str, float]:
    """The numbers of all of them."""
    found = _run(cases)
    return {
        "lesion_dice_global": found["lesion_segmentation_metrics"]["dice_global"],
        "liver_dice_global": found["liver_segmentation_metrics"]["dice_global"],
        "RMSE_Tumorburden": found["rmse"],
        "MAXERROR_Tumorburden": found["max"],
    }


def _run(cases: list[Any]) -> Any:
    import nibabel

    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(cases):
            for folder, labels in (("res", case.h), ("ref", case.y)):
                path = Path(name, folder, f"volume-{number}.nii")
                path.parent.mkdir(exist_ok=True)
                nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0])).to_filename(path)
        words = [os.environ["SEGEVAL_LITS_PYTHON"], "-c", _RUN, sys.path[0], name]
        return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)  # noqa: S603
