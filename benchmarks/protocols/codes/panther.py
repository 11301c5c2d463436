"""evaluate_segmentation_performance of evaluate_local.py, of files; surface-distance speaks of np.bool and np.Inf."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

FAMILY = "tumours"
LEFT_OUT = ("lesions, none predicted",)  # upon which the code ends, before it has numbers of all cases


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    found = _evaluated([case])
    (numbers,) = found.get("per_subject", [found])
    return {key: value for key, value in numbers.items() if key not in ("subject", "time_score")}


def evaluate_all(cases: list[Any]) -> dict[str, float]:
    """The numbers of all of them."""
    return {"tumor_burden_rmse": _evaluated(cases)["aggregates"]["tumor_burden_rmse"]}


def _evaluated(cases: list[Any]) -> dict[str, Any]:
    import numpy as np
    import SimpleITK as sitk

    vars(np).update(bool=bool, Inf=np.inf)
    from evaluate_local import evaluate_segmentation_performance

    with tempfile.TemporaryDirectory() as name, contextlib.suppress(RuntimeWarning), np.errstate(all="ignore"):
        folders = [Path(name) / side for side in ("pred", "gt")]
        for folder in folders:
            folder.mkdir()
        for number, case in enumerate(cases):
            for folder, labels in zip(folders, (case.h, case.y), strict=True):
                image = sitk.GetImageFromArray(labels.transpose(2, 1, 0))
                image.SetSpacing(case.spacing)
                sitk.WriteImage(image, str(folder / f"{number}.mha"))
        return dict(evaluate_segmentation_performance(*map(str, folders)))
