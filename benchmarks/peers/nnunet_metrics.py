"""nnU-Net's own function. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

from nnunetv2.evaluation.evaluate_predictions import compute_metrics
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

prediction, reference, labels = sys.argv[1], sys.argv[2], list(range(1, int(sys.argv[3]) + 1))
found = compute_metrics(reference, prediction, SimpleITKIO(), labels)["metrics"]
json.dump({label: {"dice": float(found[label]["Dice"])} for label in labels}, sys.stdout)
