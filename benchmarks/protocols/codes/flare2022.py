"""FLARE22_DSC_NSD_Eval.py, a program whose paths are fixed; what it rounds to four digits is not rounded here."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "thirteen organs"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    return run("FLARE22_DSC_NSD_Eval.py", case)


def run(program: str, case: Any) -> dict[str, float]:
    """What a program of this kind found of a case."""
    import nibabel

    vars(np).update(Inf=np.inf, NaN=np.nan)
    code, before = Path(sys.path[0]) / program, Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        for folder, labels in (("path to segmentation", case.h), ("path to ground truth", case.y)):
            (Path(name) / folder).mkdir()
            image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
            image.to_filename(Path(name) / folder / "case.nii.gz")
        (Path(name) / "path to Results").mkdir()
        os.chdir(name)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = runpy.run_path(str(code), init_globals={"round": lambda value, _: value})["seg_metrics"]
        finally:
            os.chdir(before)
    return {key: value for key, (value,) in found.items() if key != "Name"}
