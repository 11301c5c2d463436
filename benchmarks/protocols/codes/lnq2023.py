"""surface_mean_distance of evaluation.py, and the overlap that its main takes of SimpleITK."""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import SimpleITK as sitk
    from evaluation import surface_mean_distance

    images = []
    for labels in (case.y, case.h):
        images.append(sitk.GetImageFromArray(labels.transpose(2, 1, 0)))
        images[-1].SetSpacing(case.spacing)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    with np.errstate(all="ignore"):
        return {
            "DiceCoefficient": overlap.GetDiceCoefficient(),
            "AverageSymmetricSurfaceDistance": surface_mean_distance(*images),
        }
