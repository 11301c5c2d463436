"""Pillow and NumPy: four ratios per label of each pair, a mask per label. Usage: PREDICTIONS REFERENCES"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

found = {}
for path in sorted(Path(sys.argv[1]).glob("*.png")):
    with Image.open(path) as first, Image.open(Path(sys.argv[2]) / path.name) as second:
        prediction, reference = np.asarray(first), np.asarray(second)
    for label in np.union1d(np.unique(prediction), np.unique(reference)).tolist():
        if not label:
            continue
        p, r = prediction == label, reference == label
        tp, fp, fn = np.count_nonzero(p & r), np.count_nonzero(p & ~r), np.count_nonzero(~p & r)
        tn = p.size - tp - fp - fn
        found[f"{path.stem} {label}"] = {
            "dice": 2 * tp / (2 * tp + fp + fn),
            "iou": tp / (tp + fp + fn),
            "sensitivity": tp / (tp + fn) if tp + fn else None,
            "specificity": tn / (tn + fp) if tn + fp else None,
        }
json.dump(found, sys.stdout)
