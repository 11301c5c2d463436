"""Label names in NIfTI extensions and AFNI headers: names on rows, and tables that cannot be read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from handmade import afni_header, attribute

from segeval.readers import ReadOptions, open_volume
from segeval.readers.label_tables import names_in_extensions
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]

LABELS = np.random.default_rng(4).choice([0, 1, 2, 51], (5, 4, 3)).astype(np.uint8)
NAMES = {1: "spleen", 2: "kidney_right", 51: "A & <B>"}
BEFORE = (
    '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>'
    '   <VolumeInformation Index="0">   <LabelTable>\n'
)
AFTER = (
    "\n  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>"
    "   </VolumeInformation></CaretExtension>\n              "
)


def table(names: dict[Any, str] = NAMES) -> str:
    """As TotalSegmentator 2 writes it."""
    rows = "\n".join(
        f'<Label Key="{key}" Red="1.0" Green="0.0" Blue="0.5" Alpha="1"><![CDATA[{name}]]></Label>'
        for key, name in names.items()
    )
    return BEFORE + rows + AFTER


def nifti(path: Path, *extensions: tuple[int, str], cls: Any = nibabel.Nifti1Image) -> Path:
    """By nibabel, with extensions of these codes."""
    image = cls(LABELS, np.diag([0.8, 1.5, 3.0, 1.0]))
    for code, text in extensions:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, text.encode()))
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("cls", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("code", [0, 30])
def test_a_table_in_an_extension_names_the_labels(tmp_path: Path, name: str, cls: Any, code: int) -> None:
    path = nifti(tmp_path / name, (6, "a comment"), (code, table()), cls=cls)
    with open_volume(path, ReadOptions(hashed=True)) as volume:
        assert volume.names == NAMES
        assert np.array_equal(gather(volume.source, 0), LABELS)
        assert volume.finish() == []


def test_the_rows_have_totalsegmentators_names(segeval: Segeval, tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", (0, table()))
    plain = nifti(tmp_path / "y.nii.gz")
    run = segeval("score", plain, path, "--format", "json")
    assert [(row["label"], row["name"], row["dice"]) for row in run.json["cases"][0]["rows"][:3]] == [
        (label, name, 1.0) for label, name in NAMES.items()
    ]


def test_names_of_the_background_move_nothing(segeval: Segeval, tmp_path: Path) -> None:
    reference = nifti(tmp_path / "r.nii", (0, table({0: "nothing", 1: "a", 2: "b", 51: "c"})))
    prediction = nifti(tmp_path / "p.nii", (0, table({0: "background", 1: "b", 2: "a", 51: "c"})))
    run = segeval("score", prediction, reference, "--background", "--format", "json")
    found = {(row["label"], row["name"]): row["tp"] for row in run.json["cases"][0]["rows"] if row["name"]}
    outside, third = (np.count_nonzero(value == LABELS) for value in (0, 51))
    assert found == {(0, "nothing"): outside, (1, "a"): 0, (2, "b"): 0, (51, "c"): third}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table().replace("</LabelTable>", ""), "mismatched tag"),
        (table({1: "a", "01": "b"}), "two names"),
        (table({"x": "a"}), "'x' is no label"),
        (table({"1" * 40: "a"}), "is no label"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><LabelTable>&b;</LabelTable>', "declares entities"),
        (BEFORE + "".join(f'<Label Key="{n}">x</Label>' for n in range(70_000)) + AFTER, "70000 labels"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_remark(tmp_path: Path, text: str, words: str) -> None:
    path = nifti(tmp_path / "x.nii", (0, text))
    with open_volume(path, ReadOptions()) as volume:
        assert np.array_equal(gather(volume.source, 0), LABELS)
        assert volume.names == {}
        assert len(volume.remarks) == 1
        assert words in volume.remarks[0]
        assert str(path) in volume.remarks[0]


def test_an_extension_that_lies_about_its_length_names_nothing() -> None:
    content = b"\1\0\0\0" + (4096).to_bytes(4, "little") + bytes(4) + table().encode()
    assert names_in_extensions(content, "<") == ({}, [])
    assert names_in_extensions(b"\0" + content[1:], "<") == ({}, [])
    assert names_in_extensions(b"\1\0\0\0" + bytes(8) + table().encode(), "<") == ({}, [])


def afni(path: Path, value: str) -> Path:
    header = afni_header().decode() + "\n" + attribute("string", "VALUE_LABEL_DTABLE", value)
    path.write_text(header)
    path.with_suffix(".BRIK.gz").write_bytes(gzip.compress(LABELS.tobytes(order="F")))
    return path


def test_afnis_table_names_the_labels(tmp_path: Path) -> None:
    rows = ' "1" "spleen"\n "2" "kidney_right"\n "51" "A &amp; &lt;B&gt;"\n'
    value = f'<VALUE_LABEL_DTABLE\n  ni_type="2*String"\n  ni_dimen="3" >\n{rows}</VALUE_LABEL_DTABLE>'
    with open_volume(afni(tmp_path / "x.HEAD", value), ReadOptions()) as volume:
        assert volume.names == NAMES
        assert np.array_equal(gather(volume.source, 0), LABELS)


def test_afnis_table_with_two_names_is_a_remark(tmp_path: Path) -> None:
    with open_volume(afni(tmp_path / "x.HEAD", '<X > "1" "a"\n "1" "b"'), ReadOptions()) as volume:
        assert volume.names == {}
        assert "label 1 has two names" in volume.remarks[0]
