"""MONAI's compute_dice on one-hot tensors, as its documentation shows it. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import nibabel
import torch
from monai.metrics import compute_dice
from monai.networks import one_hot

labels = int(sys.argv[3])
prediction, reference = (
    one_hot(torch.from_numpy(nibabel.load(name).get_fdata())[None, None], labels + 1) for name in sys.argv[1:3]
)
dice = compute_dice(prediction, reference, include_background=False)[0]
json.dump({label + 1: {"dice": float(value)} for label, value in enumerate(dice)}, sys.stdout)
