"""animaSegPerfAnalyzer, compiled into the folder: its XML file, whose numbers have six decimals."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "sclerosis"
NAMES = (
    *("Jaccard", "Dice", "Sensitivity", "Specificity", "PPV", "NPV", "RelativeVolumeError", "PPVL", "SensL"),
    *("F1_score", "NbTestedLesions", "VolTestedLesions"),
)


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case; it leaves out what a reference without lesions has not, or all other has not."""
    import nibabel

    program = Path(sys.path[0]) / "animaSegPerfAnalyzer"
    with tempfile.TemporaryDirectory() as name:
        for side, labels in (("i", case.h), ("r", case.y)):
            image = nibabel.Nifti1Image(labels, np.diag([*case.spacing, 1.0]))
            image.to_filename(Path(name) / f"{side}.nii.gz")
        files = [f"-{side}" if not path else f"{name}/{side}.nii.gz" for side in "ir" for path in (False, True)]
        command = [str(program), *files, "-o", f"{name}/o", "-s", "-l", "-X"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (a program of one's own)
        text = (Path(name) / "o_global.xml").read_text()
    found = {key: float(value) for key, value in re.findall(r'<measure name="(\w+)">([^<]+)<', text)}
    return {name: found.get(name, float("nan")) for name in NAMES}
