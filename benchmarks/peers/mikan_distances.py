"""mikan-rs (Rust, all cores): distances of the first labels. Usage: PREDICTION REFERENCE LABELS

Its boundary is ours but for one thing: what lies outside the image counts as foreground, so that an object that the
image cuts has no boundary there. The values of such labels are computed and left out of the answer.
"""

import json
import sys

import mikan
import numpy as np
import SimpleITK as sitk

NAMES = {"hausdorff_distance": "hd", "hausdorff_distance_95": "hd95:pooled=yes", "assd": "assd", "masd": "masd"}

prediction, reference = (sitk.ReadImage(name, sitk.sitkUInt8) for name in sys.argv[1:3])
labels = list(range(1, int(sys.argv[3]) + 1))
found = mikan.Evaluator(reference, prediction).labels(labels).metrics(list(NAMES))
cut = {
    int(label)
    for volume in map(sitk.GetArrayViewFromImage, (prediction, reference))
    for axis in range(volume.ndim)
    for end in (0, -1)
    for label in np.unique(volume.take(end, axis))
}
whole = {label: found[str(label)] for label in labels if label not in cut}
json.dump({label: {ours: values[name] for name, ours in NAMES.items()} for label, values in whole.items()}, sys.stdout)
