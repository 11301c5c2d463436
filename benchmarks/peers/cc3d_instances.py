"""Panoptic quality with cc3d and NumPy, whole volumes in memory. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import cc3d
import nibabel
import numpy as np


def components(name):
    """Labels and components, flat in memory's order; sizes and labels of the components."""
    labels = np.asarray(nibabel.load(name).dataobj)
    numbers = cc3d.connected_components(labels, connectivity=26)
    labels, numbers = labels.ravel(order="K"), numbers.ravel(order="K")
    sizes = np.bincount(numbers)
    label_of = np.zeros(sizes.size, labels.dtype)
    label_of[numbers] = labels
    return labels, numbers.astype(np.int64), sizes, label_of


p, p_numbers, p_sizes, p_labels = components(sys.argv[1])
r, r_numbers, r_sizes, r_labels = components(sys.argv[2])
both = np.flatnonzero((p == r) & (p > 0))
keys, shared = np.unique(p_numbers[both] * r_sizes.size + r_numbers[both], return_counts=True)
a, b = np.divmod(keys, r_sizes.size)
iou = shared / (p_sizes[a] + r_sizes[b] - shared)
matched = iou > 0.5
found = {}
for label in range(1, int(sys.argv[3]) + 1):
    tp = matched & (r_labels[b] == label)
    instances = np.sum(p_labels[1:] == label) + np.sum(r_labels[1:] == label)  # TP twice, FP and FN once
    found[label] = {"pq": float(iou[tp].sum() / (instances / 2)), "instance_f1": float(2 * tp.sum() / instances)}
json.dump(found, sys.stdout)
