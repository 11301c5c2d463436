"""evaluation.py, of images; what it ends with an error or a warning about is undefined.

It finds label 1 between 0.5 and 1.5, which works where the reference is stored in floats alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "white matter"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import evaluation as e
    import SimpleITK as sitk

    with tempfile.TemporaryDirectory() as name:
        paths = []
        for side, labels in (("test", case.y.astype(np.float32)), ("result", case.h)):
            image = sitk.GetImageFromArray(labels.transpose(2, 1, 0))
            image.SetSpacing(case.spacing)
            paths.append(str(Path(name) / f"{side}.nii.gz"))
            sitk.WriteImage(image, paths[-1])
        images = e.getImages(*paths)

    def value(function: Callable[..., Any]) -> Any:
        try:
            with np.errstate(invalid="ignore"):
                return function(*images)
        except (ValueError, ZeroDivisionError):
            return float("nan")

    recall, f1 = e.getLesionDetection(*images)
    return {
        "Dice": value(e.getDSC),
        "HD": value(e.getHausdorff),
        "AVD": value(e.getAVD),
        "Lesion detection": recall,
        "Lesion F1": f1,
    }
