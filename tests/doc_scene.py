"""The files that the pages speak of: a pair, three cases, scans, and reports of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

SAMPLES = Path(__file__).parents[1] / "sample_data"
CASES = ("case_001", "case_002", "case_003")
DATASET = {"channel_names": {"0": "CT"}, "file_ending": ".nii.gz"}


def make_scene(folder: Path) -> None:
    """Everything, in an empty folder: the sample data, and what pages call ``prediction.nii.gz``, ``predictions`` …"""
    shutil.copytree(SAMPLES, folder / "sample_data")
    names = {"prediction": "prediction", "reference": "reference", "prediction_softmax": "softmax", "image": "scan"}
    for theirs, ours in names.items():
        shutil.copy(SAMPLES / f"{theirs}.nii.gz", folder / f"{ours}.nii.gz")
    shutil.copy(SAMPLES / "labels.json", folder)
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    (folder / "dataset.json").write_text(json.dumps({**DATASET, "labels": labels}), "utf-8")
    softmax = np.asarray(nibabel.load(SAMPLES / "prediction_softmax.nii.gz").dataobj, np.float32)
    np.savez_compressed(folder / "case.npz", probabilities=softmax.transpose(3, 2, 1, 0))
    for name in ("prediction", "reference", "image"):
        array, affine = _small(name)
        for number, case in enumerate(CASES):
            moved = np.roll(array, number, axis=1) if name == "prediction" else array
            side = {"prediction": "predictions", "reference": "references", "image": "scans"}[name]
            _save(folder / side / f"{case}.nii.gz", moved, affine)
    _trees(folder, labels)
    array, affine = _small("reference")
    for number, case in enumerate(CASES):  # another model, better in all but the first case
        _save(folder / "others" / f"{case}.nii.gz", np.roll(array, number == 0, axis=0), affine)
    pairs = [f"{case},predictions/{case}.nii.gz,references/{case}.nii.gz" for case in CASES]
    (folder / "pairs.csv").write_text("\n".join(["case,prediction,reference", *pairs, ""]), "utf-8")
    for side, names_of_reports in (("predictions", ("results", "baseline")), ("others", ("candidate", "new"))):
        outputs = [word for name in names_of_reports for word in ("-o", f"{name}.json")]
        _segeval(folder, "batch", side, "references", "--labels", "labels.json", "--workers", "1", *outputs)


def _trees(folder: Path, labels: dict[str, int]) -> None:
    """The layouts of nnU-Net, MONAI, TotalSegmentator and BIDS, of two cases."""
    names = {"spleen": 2, "kidney_right": 4, "liver": 1}
    for case in CASES[:2]:
        for side in ("predictions", "references"):
            image: Any = nibabel.load(folder / side / f"{case}.nii.gz")
            array, affine = np.asarray(image.dataobj), image.affine
            predicted = side == "predictions"
            _save(folder / "nnunet" / (side if predicted else "labelsTs") / f"{case}.nii.gz", array, affine)
            number = case[-2:]
            desc = "_desc-ours" if predicted else ""
            stem = f"sub-{number}/anat/sub-{number}_space-orig{desc}_dseg"
            _save(folder / "bids/derivatives" / ("ours" if predicted else "manual") / f"{stem}.nii.gz", array, affine)
            for name, value in names.items():
                of_class = f"s00{number}/segmentations/{name}.nii.gz"
                _save(folder / "total" / side / of_class, (array == value).astype(np.uint8), affine)
            if predicted:
                _save(folder / "monai/output" / case / f"{case}_trans.nii.gz", array, affine)
                one_hot = np.eye(len(labels), dtype=np.float32)[array].transpose(3, 2, 1, 0)  # (C, Z, Y, X)
                np.savez_compressed(folder / "nnunet/predictions" / f"{case}.npz", probabilities=one_hot)
    (folder / "nnunet/predictions/dataset.json").write_text(json.dumps({**DATASET, "labels": labels}), "utf-8")
    table = "index\tname\n" + "".join(f"{value}\t{name}\n" for name, value in labels.items())
    (folder / "bids/derivatives/manual/desc-manual_dseg.tsv").write_text(table, "utf-8")


def _small(name: str) -> tuple[Any, Any]:
    """Every other voxel of the sample."""
    image: Any = nibabel.load(SAMPLES / f"{name}.nii.gz")
    affine = image.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    return np.asarray(image.dataobj)[::2, ::2, ::2], affine


def _save(path: Path, array: Any, affine: Any) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)


def _segeval(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "segeval", *words]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
