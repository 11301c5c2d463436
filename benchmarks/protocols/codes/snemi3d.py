"""SNEMI3D_metrics.m, by Octave."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "neurites"


def evaluate(case: Any) -> dict[str, float]:
    """The number of one volume; without a neurite in the reference 0/0, of which Octave's sparse sums make 1."""
    if not case.y.any():
        return {"Rand error": np.nan}
    with tempfile.TemporaryDirectory() as name:
        for side, labels in (("a", case.y), ("b", case.h)):
            np.savetxt(Path(name) / f"{side}.txt", labels.ravel(), fmt="%d")
        call = f"addpath('{sys.argv[2]}'); printf('%.17g', SNEMI3D_metrics(load('a.txt'), load('b.txt')))"
        words = ["octave", "-q", "--eval", call]
        found = subprocess.run(words, cwd=name, check=True, capture_output=True, text=True)  # noqa: S603
    return {"Rand error": float(found.stdout)}
