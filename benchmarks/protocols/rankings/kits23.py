"""rank_participants of ranking.py, from the means that kits23_compute_metrics writes."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np

CODE = "github.com/neheller/kits23, kits23/evaluation/ranking.py, commit c108835"
COLUMNS = ["Dice_kidney", "Dice_masses", "Dice_tumor", "SD_kidney", "SD_masses", "SD_tumor"]


def rank(values: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """The final rank of each entry."""
    import ranking

    with tempfile.TemporaryDirectory() as name:
        summary, found = Path(name) / "summary.csv", Path(name) / "found.csv"
        lines = [",".join(["TEAM_NAME", *COLUMNS])]
        for entry, cases in values.items():
            means = np.mean([[case[column] for column in COLUMNS] for case in cases], axis=0)
            lines.append(",".join([entry, *(f"{mean:.8f}" for mean in means)]))
        summary.write_text("\n".join(lines) + "\n")
        ranking.rank_participants(str(summary), str(found))
        with found.open() as file:
            return {line["team_name"]: float(line["final_rank"]) for line in csv.DictReader(file)}
