"""What most people write: both files through SimpleITK, Dice per label. Usage: PREDICTION REFERENCE LABELS"""

import json
import sys

import SimpleITK as sitk

prediction, reference = (sitk.ReadImage(name) for name in sys.argv[1:3])
overlap = sitk.LabelOverlapMeasuresImageFilter()
overlap.Execute(reference, prediction)
labels = range(1, int(sys.argv[3]) + 1)
json.dump({label: {"dice": overlap.GetDiceCoefficient(label)} for label in labels}, sys.stdout)
