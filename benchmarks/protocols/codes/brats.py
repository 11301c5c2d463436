"""What calls BraTS's programs has in common: two files, and a table with a row per region."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def numbers_of_files(case: Any, evaluate: Callable[[str, str], Any]) -> dict[str, float]:
    """evaluate: of the files of a prediction and of a reference, a table with the regions as ``Labels``."""
    import nibabel

    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name), contextlib.redirect_stdout(io.StringIO()):
        for side, labels in (("p", case.h), ("r", case.y)):
            image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
            image.to_filename(Path(name) / f"{side}.nii.gz")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = evaluate("p.nii.gz", "r.nii.gz")
    rows = table.set_index("Labels").to_dict("index")
    return {f"{label}_{column}": float(value) for label, row in rows.items() for column, value in row.items()}
