"""The same over two folders in one process. Usage: PREDICTIONS REFERENCES LABELS"""

import json
import sys
from pathlib import Path

import SimpleITK as sitk

predictions, references, labels = Path(sys.argv[1]), Path(sys.argv[2]), range(1, int(sys.argv[3]) + 1)
found = {}
for path in sorted(predictions.iterdir()):
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.ReadImage(str(references / path.name)), sitk.ReadImage(str(path)))
    case = path.name.removesuffix(".nii.gz")
    found[case] = {label: {"dice": overlap.GetDiceCoefficient(label)} for label in labels}
json.dump(found, sys.stdout)
