"""Whole outputs of the sample data and of a batch, as 0.1.0 wrote them: every character, and numbers to 1e-12.

The files beside this one were written before the code was moved into rooms; only what a person reads as a table may
look different since, and a report's JSON says more: what its columns are. After a change that is meant,
`python tests/reports/test_unchanged.py` writes them anew, and the difference is looked at.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from segeval.cli.app import main

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "sample_data"
PAIR = ("sample_data/prediction.nii.gz", "sample_data/reference.nii.gz")
SOFTMAX = ("sample_data/prediction_softmax.nii.gz", "sample_data/reference.nii.gz")
BATCH = ("batch", "p", "r", "--missing", "skip", "--labels", "sample_data/labels.json", "--workers", "1")
RULES = ("--require", "mean(dice) >= 0.9", "--require", "min(iou) > 0", "--warn", "max(hd95) < 3")
BASELINE = ("--baseline", "baseline.json", "--max-drop", "dice=0.01", "--max-case-drop", "ce=5%")
COMMANDS: dict[str, tuple[str, ...]] = {
    "score.csv": ("score", *PAIR, "-f", "csv"),
    "score.json": ("score", *PAIR, "-f", "json", "--labels", "sample_data/labels.json", "--hash"),
    "score.md": ("score", *PAIR, "-f", "markdown", "--labels", "sample_data/labels.json"),
    "softmax.json": ("score", *SOFTMAX, "-f", "json", "--metrics", "dice,losses,calibration", "--threshold", "0.4"),
    "distances.json": (
        "score", *PAIR, "-f", "json", "--metrics", "hd,hd95,assd,masd,nsd,instances,nsd:tau=2", "--region", "both=1+2",
        "--min-volume-mm3", "3", "--matching", "many-to-one", "--iou", "0.3", "--missed", "nan", "--background",
    ),
    "lesions.csv": ("score", *PAIR, "-f", "csv", "--protocol", "brats-lesionwise:ped"),
    "batch.json": (*BATCH, "-f", "json"),
    "batch.csv": (*BATCH, "-f", "csv", "--pooled"),
    "batch.md": (*BATCH, "-f", "markdown", "--metrics", "dice,hd95,ce"),
    "batch-nnunet.json": (*BATCH, "-f", "nnunet", "--metrics", "dice,iou,tp,fp,fn,tn,ref_voxels,pred_voxels"),
    "baseline.json": ("check", "all.json", *BASELINE, "--update-baseline"),
    "check.json": ("check", "worse.json", *BASELINE, *RULES, "-f", "json"),
    "check.xml": ("check", "worse.json", *BASELINE, *RULES, "--junit", "check.xml"),
    "check.md": ("check", "worse.json", *BASELINE, *RULES, "--markdown", "check.md"),
    "compare.json": ("compare", "all.json", "worse.json", "-f", "json"),
    "compare.csv": ("compare", "all.json", "worse.json", "-f", "csv"),
    "compare.md": ("compare", "all.json", "worse.json", "-f", "markdown"),
    "merged.json": ("merge", "shard-1.json", "shard-2.json", "-f", "json"),
}  # fmt: skip
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+")
COLUMNS = re.compile(r' "columns": \[\n(?:  \{.*\n)+ \],\n')
REPORTS = ("score.json", "softmax.json", "distances.json", "batch.json", "merged.json")
TIMES = re.compile(r'(timestamp|time)="[^"]*"')


def prepare(folder: Path) -> None:
    """The sample data, two folders of pairs, and reports of them, in the current folder."""
    shutil.copytree(SAMPLE, folder / "sample_data")
    for side in "prq":
        (folder / side).mkdir()
    image = nibabel.load(SAMPLE / "prediction.nii.gz")
    labels = np.asarray(image.dataobj)
    for number in range(5):
        shutil.copyfile(SAMPLE / "reference.nii.gz", folder / f"r/case_{number}.nii.gz")
        for side, shift in (("p", number), ("q", 2 * number + 1)):  # no two are equally far from the reference
            moved = nibabel.Nifti1Image(np.roll(labels, shift, axis=number % 3), image.affine, image.header)
            moved.to_filename(folder / side / f"case_{number}.nii.gz")
    kept = (folder / "p/case_3.nii.gz").read_bytes()
    (folder / "p/case_3.nii.gz").unlink()
    scored = ("--labels", "sample_data/labels.json", "--metrics", "overlap,losses,hd95", "--workers", "1")
    run("batch", "q", "r", *scored, "-o", "worse.json")
    (folder / "p/case_3.nii.gz").write_bytes(kept)
    run("batch", "p", "r", *scored, "-o", "all.json")
    for shard in (1, 2):
        run("batch", "p", "r", *scored, "--shard", f"{shard}/2", "-o", f"shard-{shard}.json")
    (folder / "p/case_3.nii.gz").unlink()


def run(*words: str) -> str:
    """What the command writes to stdout."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    assert code in (0, 1), err.getvalue()
    return out.getvalue()


def written(name: str) -> str:
    """The output of this name, made in the current folder."""
    out = run(*COMMANDS[name])
    text = Path(name).read_text(encoding="utf-8") if name in COMMANDS[name] else out
    return TIMES.sub(r'\1=""', as_0_1_0_wrote(text) if name in REPORTS else text)


def as_0_1_0_wrote(report: str) -> str:
    """A report's JSON without its columns."""
    assert len(COLUMNS.findall(report)) == 1
    return COLUMNS.sub("", report)


@pytest.fixture(scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder, before = tmp_path_factory.mktemp("reports"), Path.cwd()
    os.chdir(folder)
    try:
        prepare(folder)
        run(*COMMANDS["baseline.json"])
        yield
    finally:
        os.chdir(before)


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("name", COMMANDS)
def test_an_output_is_what_it_was(name: str) -> None:
    found, expected = written(name), (HERE / name).read_text(encoding="utf-8")
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    numbers = zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True)
    assert [pair for pair in numbers if float(pair[0]) != pytest.approx(float(pair[1]), rel=1e-12, abs=1e-15)] == []


def test_a_report_of_0_1_0_is_read() -> None:
    """And merged, it is the same text."""
    report = json.loads((HERE / "batch.json").read_text(encoding="utf-8"))
    assert report["signature"].startswith("segeval:0.1.0|")
    merged = run("merge", str(HERE / "batch.json"), "-f", "json")
    assert as_0_1_0_wrote(merged) == (HERE / "batch.json").read_text(encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        prepare(Path(temporary))
        for each in COMMANDS:
            (HERE / each).write_text(written(each), encoding="utf-8")
