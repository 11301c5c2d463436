"""Plain NumPy: both volumes as nibabel's float64, a pair of masks per label. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import nibabel
import numpy as np

prediction, reference = (nibabel.load(name).get_fdata() for name in sys.argv[1:3])
found = {}
for label in range(1, int(sys.argv[3]) + 1):
    p, r = prediction == label, reference == label
    found[label] = {"dice": float(2 * np.sum(p & r) / (np.sum(p) + np.sum(r)))}
json.dump(found, sys.stdout)
