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

LEFT_OUT = ("Legacy", "Sensitivity", "Specificity")
"""What depends on other steps of these programs."""


def lesion_wise(
    case: Any, function: Callable[..., Any], task: str, kept: tuple[str, ...] = ("",), left_out: tuple[str, ...] = ()
) -> dict[str, float]:
    """The numbers of a program of 2024. kept: how their names begin. left_out: words in those that are not, besides."""
    found = numbers_of_files(case, lambda *files: function(*files, task)[0])
    words = (*LEFT_OUT, *left_out)
    return {n: number for n, number in found.items() if n.startswith(kept) and not any(word in n for word in words)}


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
