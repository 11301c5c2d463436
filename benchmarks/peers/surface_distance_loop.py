"""DeepMind's surface-distance label by label: surfels, as it weights them. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import nibabel
import numpy as np
import surface_distance as sd

images = [nibabel.load(name) for name in sys.argv[1:3]]
prediction, reference = (np.asarray(image.dataobj) for image in images)
spacing = [float(mm) for mm in images[1].header.get_zooms()]
found = {}
for label in range(1, int(sys.argv[3]) + 1):
    distances = sd.compute_surface_distances(reference == label, prediction == label, spacing)
    found[label] = {
        "hd95:surfel=yes": sd.compute_robust_hausdorff(distances, 95),
        "masd:surfel=yes": float(np.mean(sd.compute_average_surface_distance(distances))),
        "nsd:surfel=yes": sd.compute_surface_dice_at_tolerance(distances, 1.0),
    }
json.dump(found, sys.stdout)
