"""rank_then_aggregate of FeTS's plots_task2.py, in "BraTS style"; that function alone: the file draws figures."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

CODE = "github.com/FeTS-AI/Challenge, paper_analysis/plots_task2.py, commit 1c12265"
COLUMNS = [f"{quantity}_{region}" for quantity in ("Dice", "Hausdorff95") for region in ("WT", "TC", "ET")]


def rank(values: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """The rank of each entry; distances are handed over with their sign turned, as it asks for."""
    import pandas as pd

    tree = ast.parse((Path(sys.argv[2]) / "plots_task2.py").read_text())
    (node,) = (node for node in tree.body if getattr(node, "name", "") == "rank_then_aggregate")
    names: dict[str, Any] = {}
    exec(compile(ast.Module([node], []), "plots_task2.py", "exec"), names)  # noqa: S102
    rows = [
        (number, entry, column, -value if column.startswith("Hausdorff") else value)
        for entry, cases in values.items()
        for number, case in enumerate(cases)
        for column, value in case.items()
    ]
    frame = pd.DataFrame(rows, columns=["case_id", "model", "metric", "value"])
    ranks, _ = names["rank_then_aggregate"](frame, combine_metrics=True)
    return {str(model): float(place) for model, place in zip(ranks["model"], ranks["rank"], strict=True)}
