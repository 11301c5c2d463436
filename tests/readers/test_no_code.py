"""Reading a file runs no code of the file's: nothing is unpickled, and no XML is parsed, in any format."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = """
import sys
from pathlib import Path
import segeval.cli.score, segeval.cases.files
from segeval.cli.app import main

def refuse(*_):
    raise AssertionError("a parser was called")

import pickle, xml.parsers.expat, xml.etree.ElementTree, xml.sax
pickle.load = pickle.loads = pickle.Unpickler = refuse
xml.parsers.expat.ParserCreate = xml.sax.parse = xml.sax.parseString = refuse
xml.etree.ElementTree.XMLParser = xml.etree.ElementTree.parse = xml.etree.ElementTree.fromstring = refuse
codes = [main(["score", name, sys.argv[1], "--metrics", "dice", "--geometry", "ignore"]) for name in sys.argv[2:]]
sys.exit(",".join(map(str, codes)))
"""


@pytest.mark.parametrize("hostile", [False, True], ids=["good files", "files with XML and pickles inside"])
def test_no_parser_of_xml_and_no_unpickler_is_called(hostile: bool, tmp_path: Path) -> None:
    import nibabel
    import SimpleITK as sitk

    labels = (np.arange(60).reshape(5, 4, 3) % 2).astype(np.uint8)
    names = ["x.nii", "x.mgh", "x.nrrd", "x.mha", "x.vtk", "x.gipl", "x.tif", "x.npz"]
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "good.nii")
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "x.nii")
    nibabel.save(nibabel.MGHImage(labels, np.eye(4)), tmp_path / "x.mgh")
    for name in names[2:-1]:
        sitk.WriteImage(sitk.GetImageFromArray(labels.transpose()), str(tmp_path / name))
    maps = np.stack([1 - labels, labels]).astype(np.float32).transpose(0, 3, 2, 1)
    np.savez(tmp_path / "x.npz", probabilities=maps.astype(object) if hostile else maps)
    if hostile:
        xml = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><CIFTI>&a;</CIFTI>'
        extension = nibabel.nifti1.Nifti1Extension("ignore", xml)
        image = nibabel.Nifti1Image(labels, np.eye(4))
        image.header.extensions.append(extension)
        nibabel.save(image, tmp_path / "x.nii")
        for name in names[2:-1]:
            (tmp_path / name).write_bytes(xml)
    command = [sys.executable, "-c", SCRIPT, "good.nii", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert "a parser was called" not in done.stderr
    codes = done.stderr.splitlines()[-1].split(",")
    assert codes == (["0", "0", *["3"] * 6] if hostile else ["0"] * 8)


def test_no_module_of_the_folder_it_is_run_in_is_imported(tmp_path: Path, nifti: Any) -> None:
    for side in ("p", "r"):
        nifti(f"{side}/case.nii.gz", np.ones((3, 3, 3), dtype=np.uint8))
    for name in ("segeval", "numpy", "isal", "multiprocessing", "signal", "selectors", "pickle", "random", "typer"):
        (tmp_path / f"{name}.py").write_text(f"open('{name} was run', 'w')\n", "utf-8")
    around = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [Path(sys.executable).with_name("segeval"), "batch", "p", "r", "--workers", "2", "--format", "csv"]
    done = subprocess.run(command, cwd=tmp_path, env=around, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.glob("*was run"))
