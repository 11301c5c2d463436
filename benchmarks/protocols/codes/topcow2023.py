"""metric_functions, of several labels; scikit-image's skeletonize_3d is its skeletonize today."""

from __future__ import annotations

import contextlib
import io
from typing import Any

FAMILY = "vessels"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import SimpleITK as sitk
    import skimage.morphology

    vars(skimage.morphology).update(skeletonize_3d=skimage.morphology.skeletonize)
    import metric_functions as m
    from constants import TASK

    images = []
    for labels in (case.y, case.h):
        images.append(sitk.GetImageFromArray(labels.transpose(2, 1, 0)))
        images[-1].SetSpacing(case.spacing)
    gt, pred = images
    with contextlib.redirect_stdout(io.StringIO()):
        dice = m.dice_coefficient_all_classes(gt=gt, pred=pred, task=TASK.MULTICLASS_SEGMENTATION)
        betti = m.betti_number_error_all_classes(gt=gt, pred=pred, task=TASK.MULTICLASS_SEGMENTATION)
        centreline = m.clDice(v_p_pred=case.h, v_l_gt=case.y)
    return {
        "average": dice["average"]["dice_score"],
        "CoW": dice["CoW"]["dice_score"],
        "clDice": centreline,
        "B0err_average": betti["B0err_average"]["Betti_0_error"],
        "CoW_Betti_0_error": betti["CoW"]["Betti_0_error"],
        "CoW_Betti_1_error": betti["CoW"]["Betti_1_error"],
    }
