"""evaluateImgLists of evalPixelLevelSemanticLabeling, on PNG files."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FAMILY = "streets"


def evaluate(_: Any) -> dict[str, float]:
    """An image by itself has no numbers."""
    return {}


def evaluate_all(cases: Sequence[Any]) -> dict[str, float]:
    """The numbers of all images."""
    from PIL import Image

    sys.argv = ["evaluate"]
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as e
    from cityscapesscripts.helpers.labels import labels

    e.args.evalInstLevelScore, e.args.JSONOutput, e.args.quiet = False, False, True
    with tempfile.TemporaryDirectory() as folder:
        files: list[list[str]] = [[], []]
        for number, case in enumerate(cases):
            for side, array in enumerate((case.h, case.y)):
                files[side].append(str(Path(folder) / f"{side}_{number}.png"))
                Image.fromarray(array[..., 0]).save(files[side][-1])
        found = e.evaluateImgLists(*files, e.args)
    classes = {f"class: {one.name}": found["classScores"][one.name] for one in labels if not one.ignoreInEval}
    categories = {f"category: {name}": score for name, score in found["categoryScores"].items() if name != "void"}
    averages = {name: found[name] for name in ("averageScoreClasses", "averageScoreCategories")}
    return classes | categories | averages
