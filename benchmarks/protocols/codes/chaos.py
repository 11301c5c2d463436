"""CHAOSmetrics.evaluate, beside slices as DICOM. Where it stops for want of a border, its distances are undefined.

The scores are of the same repository's CHAOS_Metrics_and_Evaluation_Method.pdf, section 2, which no code there has.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FAMILY = "livers"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import CHAOSmetrics as c

    y, h = (labels.transpose(2, 0, 1).astype(bool) for labels in (case.y, case.h))
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        write_slices(Path(folder), len(y), case.spacing)
        try:
            assd, mssd = c.SSD(y, h, folder)
        except ValueError:
            assd = mssd = math.nan
        found = {"DICE": c.DICE(y, h), "RAVD": c.RAVD(y, h), "ASSD": assd, "MSSD": mssd}
    found["S_DICE"] = 0 if found["DICE"] < 0.8 else 100 * found["DICE"]
    for name, most in (("RAVD", 5), ("ASSD", 15), ("MSSD", 60)):
        value = found[name]
        found[f"S_{name}"] = 0 if value > most else 100 - 100 / most * value
    found["score"] = float(np.mean([found[f"S_{name}"] for name in ("DICE", "RAVD", "ASSD", "MSSD")]))
    return found


def write_slices(folder: Path, number: int, spacing: tuple[float, float, float]) -> None:
    """What the code reads of DICOM files: where they lie."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    for place in range(number):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        path = folder / f"i{place:04}.dcm"
        image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        image.ImagePositionPatient = [0, 0, place * spacing[2]]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing = [spacing[0], spacing[1]]
        image.save_as(path, enforce_file_format=True)
