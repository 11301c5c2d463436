"""The functions of the notebook evaluate_segmentation2022.ipynb, which lies in the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FAMILY = "heads"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    return dict(_notebook()["get_intermediate_metrics"](*_images(case)))


def evaluate_all(cases: list[Any]) -> dict[str, float]:
    """The numbers of all of them."""
    found = _notebook()["compute_agg_dice"]([evaluate(case) for case in cases])["AggregatedDsc"]
    return {f"DSCagg_{name}": value for name, value in found.items()}


def _images(case: Any) -> list[Any]:
    import SimpleITK as sitk

    images = []
    for labels in (case.y, case.h):
        images.append(sitk.GetImageFromArray(labels.transpose(2, 1, 0).copy()))
        images[-1].SetSpacing(case.spacing)
    return images


def _notebook() -> dict[str, Any]:
    """Its cells of functions, and of imports."""
    cells = json.loads((Path(sys.path[0]) / "evaluate_segmentation2022.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        text = "".join(cell["source"])
        if text.startswith(("def ", "from ")):
            exec(text, names)  # noqa: S102 (this is what a notebook is for)
    return names
