"""A challenge's own order of entries with seeded numbers, written into tests/rankings/NAME.json.

Run: python benchmarks/protocols/record_ranking.py NAME FOLDER, by an interpreter that has what the challenge's code
imports; the folder holds that code, which is kept apart. rankings/NAME.py calls it. Many numbers are equal.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = 9
CASES = 8


def numbers(columns: list[str], seed: int) -> dict[str, list[dict[str, float]]]:
    """Of each entry, a number by column of each case: multiples of 1/8, so that means are exact. Two are the same."""
    rng = np.random.default_rng(seed)
    values = rng.integers(4, 9, (ENTRIES, CASES, len(columns))) / 8
    values[-1] = values[-2]
    return {
        f"entry {entry}": [dict(zip(columns, of_case, strict=True)) for of_case in of_entry]
        for entry, of_entry in enumerate(values.tolist())
    }


def main(name: str, folder: str) -> None:
    """Record one challenge."""
    sys.path[:0] = [folder, str(Path(__file__).parent)]
    code: Any = importlib.import_module(f"rankings.{name}")
    trials = []
    for seed in range(4):
        values = numbers(code.COLUMNS, seed)
        trials.append({"values": values, "places": code.rank(values)})
    path = ROOT / "tests" / "rankings" / f"{name}.json"
    path.write_text(json.dumps({"code": code.CODE, "trials": trials}) + "\n", encoding="utf-8")
    print(f"{name}: {len(trials)} trials")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
