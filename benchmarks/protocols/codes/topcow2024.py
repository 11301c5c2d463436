"""The functions of topcow24_eval; scikit-image's skeletonize_3d is its skeletonize today."""

from __future__ import annotations

import contextlib
import io
from typing import Any

FAMILY = "arteries"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import SimpleITK as sitk
    import skimage.morphology

    vars(skimage.morphology).update(skeletonize_3d=skimage.morphology.skeletonize)
    from topcow24_eval.metrics.seg_metrics.clDice import clDice
    from topcow24_eval.metrics.seg_metrics.cls_avg_b0 import betti_number_error_all_classes
    from topcow24_eval.metrics.seg_metrics.cls_avg_dice import dice_coefficient_all_classes
    from topcow24_eval.metrics.seg_metrics.cls_avg_hd95 import hd95_all_classes

    images = []
    for labels in (case.y, case.h):
        images.append(sitk.GetImageFromArray(labels.transpose(2, 1, 0)))
        images[-1].SetSpacing(case.spacing)
    gt, pred = images
    with contextlib.redirect_stdout(io.StringIO()):
        dice = dice_coefficient_all_classes(gt=gt, pred=pred)
        hd95 = hd95_all_classes(gt=gt, pred=pred)
        betti = betti_number_error_all_classes(gt=gt, pred=pred)
        centreline = clDice(v_p_pred=case.h, v_l_gt=case.y)
    return {
        "ClsAvgDice": dice["ClsAvgDice"]["Dice"],
        "MergedBinDice": dice["MergedBin"]["Dice"],
        "ClsAvgB0err": betti["ClsAvgB0err"]["B0err"],
        "MergedBinB0err": betti["MergedBin"]["B0err"],
        "clDice": centreline,
        "ClsAvgHD95": hd95["ClsAvgHD95"]["HD95"],
        "MergedBinHD95": hd95["MergedBin"]["HD95"],
    }
