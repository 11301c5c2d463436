"""MedPy's functions label by label, on whole volumes. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import nibabel
import numpy as np
from medpy.metric.binary import assd, hd

images = [nibabel.load(name) for name in sys.argv[1:3]]
prediction, reference = (np.asarray(image.dataobj) for image in images)
spacing = [float(mm) for mm in images[1].header.get_zooms()]
found = {}
for label in range(1, int(sys.argv[3]) + 1):
    ours, theirs = prediction == label, reference == label
    found[label] = {"hd": hd(ours, theirs, spacing), "assd": assd(ours, theirs, spacing)}
json.dump(found, sys.stdout)
