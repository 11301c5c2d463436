"""A challenge's own numbers on the seeded cases, written into tests/protocols/NAME.json.

Run: python benchmarks/protocols/record.py NAME FOLDER, by an interpreter that has what the challenge's code imports;
the folder holds that code, which is kept apart.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def kits23(case: Any) -> dict[str, float]:
    """kits23.evaluation.metrics.compute_metrics_for_label, of each region."""
    from kits23.configuration.labels import HEC_NAME_LIST, HEC_SD_TOLERANCES_MM, KITS_HEC_LABEL_MAPPING
    from kits23.evaluation.metrics import compute_metrics_for_label

    found = {}
    for name, short in zip(HEC_NAME_LIST, ("kidney", "masses", "tumor"), strict=True):
        tolerance = HEC_SD_TOLERANCES_MM[name]
        dice, distance = compute_metrics_for_label(
            case.h, case.y, KITS_HEC_LABEL_MAPPING[name], case.spacing, sd_tolerance_mm=tolerance
        )
        found |= {f"Dice_{short}": dice, f"SD_{short}": distance}
    return found


def isles2022(case: Any) -> dict[str, float]:
    """eval_utils; it speaks of np.bool and np.float, which NumPy has dropped."""
    vars(np).update(bool=bool, float=float)
    import eval_utils as e

    voxel = np.float64(np.prod(case.spacing) / 1000)
    return {
        "dice": e.compute_dice(case.y, case.h),
        "absolute_volume_difference": e.compute_absolute_volume_difference(case.y, case.h, voxel),
        "absolute_lesion_difference": e.compute_absolute_lesion_difference(case.y, case.h),
        "lesion_f1_score": e.compute_lesion_f1_score(case.y, case.h),
    }


def autopet(case: Any) -> dict[str, float]:
    """val_script, of arrays."""
    import val_script as v

    voxel = float(np.prod(case.spacing) / 1000)
    with np.errstate(invalid="ignore"):
        dice = v.dice_score(case.y.astype(float), case.h.astype(float))
    return {
        "dice_sc": dice,
        "false_pos_vol": v.false_pos_pix(case.y, case.h) * voxel,
        "false_neg_vol": v.false_neg_pix(case.y, case.h) * voxel,
    }


def dsb2018(case: Any) -> dict[str, float]:
    """matching of StarDist at ten thresholds."""
    from stardist_matching import matching

    thresholds = [round(0.5 + 0.05 * step, 2) for step in range(10)]
    return {
        "score": float(np.mean([matching(case.y, case.h, t).accuracy for t in thresholds])),
        "accuracy_at_half": matching(case.y, case.h, 0.5).accuracy,
    }


def flare2021(case: Any) -> dict[str, float]:
    """DSC_NSD_eval.py, a program that runs on files beside its folder; it speaks of np.Inf and np.NaN."""
    import csv
    import os
    import runpy
    import tempfile

    import nibabel

    vars(np).update(Inf=np.inf, NaN=np.nan)
    code, before = Path(sys.path[0]) / "DSC_NSD_eval.py", Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        for side, labels in (("seg", case.h), ("gt", case.y), ("result", None), ("here", None)):
            (Path(name) / side).mkdir()
            if labels is not None:
                image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
                image.to_filename(Path(name) / side / "case.nii.gz")
        os.chdir(Path(name) / "here")
        try:
            runpy.run_path(str(code))
        finally:
            os.chdir(before)
        (row,) = csv.DictReader((Path(name) / "result/eval.csv").read_text().splitlines())
    row.pop("Name")
    return {key: float(number) for key, number in row.items()}


def topcow2024(case: Any) -> dict[str, float]:
    """The functions of topcow24_eval; scikit-image's skeletonize_3d is its skeletonize today."""
    import contextlib
    import io

    import SimpleITK as sitk
    import skimage.morphology

    vars(skimage.morphology).update(skeletonize_3d=skimage.morphology.skeletonize)
    from topcow24_eval.metrics.seg_metrics.clDice import clDice
    from topcow24_eval.metrics.seg_metrics.cls_avg_b0 import betti_number_error_all_classes
    from topcow24_eval.metrics.seg_metrics.cls_avg_dice import dice_coefficient_all_classes

    images = []
    for labels in (case.y, case.h):
        images.append(sitk.GetImageFromArray(labels.transpose(2, 1, 0)))
        images[-1].SetSpacing(case.spacing)
    gt, pred = images
    with contextlib.redirect_stdout(io.StringIO()):
        dice = dice_coefficient_all_classes(gt=gt, pred=pred)
        betti = betti_number_error_all_classes(gt=gt, pred=pred)
        centreline = clDice(v_p_pred=case.h, v_l_gt=case.y)
    return {
        "ClsAvgDice": dice["ClsAvgDice"]["Dice"],
        "MergedBinDice": dice["MergedBin"]["Dice"],
        "ClsAvgB0err": betti["ClsAvgB0err"]["B0err"],
        "MergedBinB0err": betti["MergedBin"]["B0err"],
        "clDice": centreline,
    }


CHALLENGES: dict[str, tuple[Callable[[Any], dict[str, float]], str]] = {
    "kits23": (kits23, "organs"),
    "isles2022": (isles2022, "lesions"),
    "autopet": (autopet, "lesions"),
    "dsb2018": (dsb2018, "objects"),
    "flare2021": (flare2021, "abdomen"),
    "topcow2024": (topcow2024, "vessels"),
}


def main(name: str, folder: str) -> None:
    """Record one challenge."""
    sys.path[:0] = [folder, str(ROOT / "tests")]
    from protocol_cases import CASES

    evaluate, kind = CHALLENGES[name]
    values = {}
    for title, case in CASES.items():
        if kind in title.replace("more ", ""):
            numbers = {key: float(number) for key, number in evaluate(case).items()}
            values[title] = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
    source = tomllib.loads((ROOT / f"segeval/settings/challenges/{name}.toml").read_text(encoding="utf-8"))["source"]
    document = {"source": source, "values": values}
    path = ROOT / "tests" / "protocols" / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {len(values)} cases")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
