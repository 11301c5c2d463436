"""Settings read back from a report are the settings that made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segeval.errors import UsageError
from segeval.settings import Settings, settings_of
from segeval.settings.asking import options
from segeval.settings.reading import settings_of_document

ANSWERS: dict[str, list[Any]] = {
    "labels": ["*", "1,2,3", "0,2", [4, 1], {"liver": 2}],
    "regions": [["both=1+2", "any=*"], {"one": [3]}],
    "ignore_label": [255, -1],
    "background": [True],
    "metrics": [
        "dice,focal:gamma=3,hd95:surfel",
        "surface:surfel,profile",
        "gds:background=no,weighted_bce:pos_weight=2",
    ],
    "empty": ["one", "zero"],
    "class_weights": ["0=0.25,1=2,tumour=1", {1: 0.5}],
    "label_distances": [[[0, 2], [1, 0]]],
    "mask": ["masks/brain.nii.gz"],
    "within": ["1+2", "*", "tumour", 3, [1, 2], "tumour=1+2"],
    "border_mm": [1.5],
    "slices_of": ["1+2", "tumour:before-last", [1, 2]],
    "weights": ["weights.nii.gz"],
    "kind": ["labels", "probabilities"],
    "threshold": [0.1],
    "channels": ["independent"],
    "activation": ["softmax", "sigmoid"],
    "scale": [255.0],
    "clip": [True],
    "min_score": [0.5],
    "drawn_on": ["ct"],
    "class_axis": [3],
    "volume": ["3", "3,0", (1, 2)],
    "key": ["seg", "seg,truth", ("labels/cells", "truth")],
    "level": ["1", 2, "1,0", (0, 1)],
    "palette": ["voc", "ids"],
    "geometry": ["resample", "ignore"],
    "tolerance": [0.5],
    "distance_spacing": ["voxels", "reversed"],
    "missed": ["nan", "12.5", 3.0, "box"],
    "tau": ["2.5", "1=5,*=1"],
    "max_distance": [12.5],
    "instances": [True],
    "connectivity": [6],
    "min_volume_mm3": [2.5],
    "matching": ["any-overlap"],
    "iou": [0.25],
    "match_by": ["dice"],
    "protocol": ["brats-lesionwise:ped"],
    "lesionwise": ["met", "dilation=5,scored_above_mm3=10,merged"],
    "hash": [True],
    "backend": ["auto"],
}


def test_every_option_is_answered_here() -> None:
    assert set(ANSWERS) == set(options())


@pytest.mark.parametrize(("name", "answer"), [(name, each) for name, answers in ANSWERS.items() for each in answers])
def test_a_document_gives_the_settings_that_wrote_it(name: str, answer: Any) -> None:
    settings = settings_of({name: answer})
    document = json.loads(json.dumps(settings.document()))
    found = settings_of_document(document)
    assert json.loads(json.dumps(found.document())) == document
    assert found.signature("probabilities") == settings.signature("probabilities")


def test_no_answer_gives_the_defaults() -> None:
    assert settings_of_document(Settings().document()).document() == Settings().document()


def test_tolerances_by_name_need_the_names() -> None:
    settings = settings_of({"labels": {"liver": 2, "spleen": 3}, "tau": "liver=5,*=1"})
    document = json.loads(json.dumps(settings.document()))
    names = {2: "liver", 3: "spleen"}
    found = settings_of_document(document, names)
    assert (found.tau, found.labels.names) == (settings.tau, names)
    assert found.document() == settings.document()
    assert settings_of_document(document).tau is None


def test_the_colours_of_a_label_file_are_in_the_document(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text('road = "#804080"\ncar = "#00008e"\n')
    settings = settings_of({"labels": str(path)})
    document = json.loads(json.dumps(settings.document()))
    found = settings_of_document(document)
    assert (found.palette, found.labels.colours) == ("labels", settings.labels.colours)
    assert found.labels.colours == {"#804080": (1,), "#00008e": (2,), "#000000": (0,)}
    assert found.document() == settings.document()
    assert found.signature("labels") == settings.signature("labels")


def test_a_merged_report_names_several_backends() -> None:
    assert settings_of_document({**Settings().document(), "backend": "numpy + cupy"}).backend == "numpy"


@pytest.mark.parametrize(
    "damage",
    [
        {"labels": 3},
        {"metrics": None},
        {"metrics": ["nothing"]},
        {"instances": []},
        {"instances": {"matching": "one-to-one", "odd": 1}},
        {"instances": {"connectivity": "six"}},
        {"protocol": {"name": "kits23", "version": 1, "columns": 5}},
        {"protocol": {"name": "kits23"}},
        {"class_weights": 1},
        {"threshold": "a"},
    ],
)
def test_damage_is_a_message(damage: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        settings_of_document({**Settings().document(), **damage})
