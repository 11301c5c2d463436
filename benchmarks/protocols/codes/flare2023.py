"""FLARE23_DSC_NSD_Eval.py, a program; it times itself by a ``t`` that it lacks, and rounds, which nothing does here."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "thirteen organs"


class _Timer:
    def __call__(self) -> float:
        return 0.0

    total_elapsed = __call__


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import nibabel

    vars(np).update(Inf=np.inf, NaN=np.nan)
    code, arguments = Path(sys.path[0]) / "FLARE23_DSC_NSD_Eval.py", sys.argv
    with tempfile.TemporaryDirectory() as name:
        for folder, labels in (("res", case.h), ("ref", case.y)):
            (Path(name) / folder).mkdir()
            image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
            image.to_filename(Path(name) / folder / "case.nii.gz")
        sys.argv = [str(code), name, name]
        own = {"round": lambda value, _: value, "t": _Timer()}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found: dict[str, float] = runpy.run_path(str(code), init_globals=own)["overall_metrics"]
        finally:
            sys.argv = arguments
    return found
