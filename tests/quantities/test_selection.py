"""The grammar of ``--metrics``: names, groups, settings, canonical keys, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.choices import GROUPS
from segeval.errors import UsageError
from segeval.quantities import quantity as quantity_module
from segeval.quantities import select
from segeval.quantities.quantity import FILES, all_quantities

DEFAULT = [selection.quantity for selection in select()]
OVERLAP = [quantity.name for quantity in DEFAULT if quantity.group == "overlap"]
CALIBRATION = ["brier", "ece", "auroc", "average_precision", "best_dice", "best_dice_threshold"]
LOSSES = [quantity.name for quantity in DEFAULT if quantity.group == "losses"]
MORE_LOSSES = [
    "tversky", "focal_tversky", "log_cosh_dice", "noise_robust_dice", "exp_log", "mcc_loss", "unified_focal",
]  # fmt: skip


def keys(text: str | None) -> list[str]:
    return [selection.key for selection in select(text)]


def test_the_default_is_both_families_overlap_first() -> None:
    assert keys(None) == keys("overlap,losses") == OVERLAP + LOSSES
    assert len(OVERLAP) == 21
    assert len(LOSSES) == 14


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dice", ["dice"]),
        ("dice,ss", ["dice", "ss"]),
        ("ss,dice", ["ss", "dice"]),
        (
            "topology:empty=1",
            [
                "topology_precision:empty=1",
                "topology_sensitivity:empty=1",
                "cldice:empty=1",
                "betti0_error",
                "betti1_error",
                "betti2_error",
                "euler_error",
            ],
        ),
        (" dice , ss ", ["dice", "ss"]),
        ("losses", LOSSES),
        ("more_losses", MORE_LOSSES),
        ("focal:gamma=3,losses", ["focal:gamma=3", *LOSSES]),
        ("losses:gamma=3", [f"{name}:gamma=3" if name.startswith("focal") else name for name in LOSSES]),
        ("ece:bins=10,calibration", ["ece:bins=10", *CALIBRATION]),
        ("gds:background", ["gds"]),
        ("bce,losses", ["bce", *(name for name in LOSSES if name != "bce")]),
        ("focal:gamma=3", ["focal:gamma=3"]),
        ("focal:gamma=3.0", ["focal:gamma=3"]),
        ("focal:gamma=2", ["focal"]),
        ("focal:gamma=2.0:alpha=0.25", ["focal"]),
        ("focal:gamma=3:alpha=0.5", ["focal:alpha=0.5:gamma=3"]),
        ("focal:alpha=.5:gamma=0", ["focal:alpha=0.5:gamma=0"]),
        ("dl2:epsilon=1e-6", ["dl2"]),
        ("dl2:epsilon=0", ["dl2:epsilon=0"]),
        ("dl2:epsilon=0.0000001", ["dl2:epsilon=1e-07"]),
        ("weighted_bce:pos_weight=20", ["weighted_bce:pos_weight=20"]),
        ("weighted_bce:pos_weight=1", ["weighted_bce:pos_weight=1"]),
        ("gds:background=no", ["gds:background=no"]),
        ("gds:background=yes", ["gds"]),
        ("ss:sensitivity_weight=0.05", ["ss"]),
        ("ss:sensitivity_weight=1", ["ss:sensitivity_weight=1"]),
        ("bce:eta=1e-7", ["bce"]),
        ("bce:eta=0.001", ["bce:eta=0.001"]),
        ("dice,dice", ["dice"]),
        ("soft_dice:power=1", ["soft_dice:power=1"]),
        ("soft_dice:power=2.0", ["soft_dice"]),
        ("soft_iou:power=1", ["soft_iou"]),
        ("focal_tversky:gamma=1.3333333333333333", ["focal_tversky"]),
        ("focal,focal:gamma=2", ["focal"]),
        ("focal,focal:gamma=3,focal:gamma=4", ["focal", "focal:gamma=3", "focal:gamma=4"]),
        ("focal:gamma=3:alpha=0.5,focal:alpha=0.5:gamma=3", ["focal:alpha=0.5:gamma=3"]),
    ],
)
def test_a_key_is_the_canonical_text_and_stands_once(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


@given(
    gamma=st.floats(0, 1e6, allow_nan=False), alpha=st.floats(0, 1), eta=st.floats(1e-12, 0.5), beta=st.floats(0, 1e6)
)
def test_a_key_asks_for_what_it_names_again(gamma: float, alpha: float, eta: float, beta: float) -> None:
    text = f"focal:gamma={gamma!r}:alpha={alpha!r}:eta={eta!r},weighted_bce:pos_weight={beta!r}:eta={eta!r}"
    first = select(text)
    again = select(",".join(selection.key for selection in first))
    assert [selection.key for selection in again] == [selection.key for selection in first]
    assert [selection.settings for selection in again] == [selection.settings for selection in first]
    assert first[0].settings == {"gamma": gamma, "alpha": alpha, "eta": eta}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dise", ["'dise'", "dice", "segeval quantities"]),
        ("overlaps", ["'overlaps'", "overlap"]),
        ("DICE", ["'DICE'"]),
        ("dice,", ["''"]),
        (",dice", ["''"]),
        ("dice,,ss", ["''"]),
        ("dice:gamma=2", ["dice", "'gamma'", "its settings: empty"]),
        ("overlap:gamma=2", ["overlap", "'gamma'", "background"]),
        ("bce:gamma=2", ["bce", "'gamma'", "eta"]),
        ("focal:beta=2", ["focal", "'beta'", "alpha", "eta", "gamma"]),
        ("focal:", ["focal", "''"]),
        ("focal:gamma", ["focal:gamma", "at least 0"]),
        ("focal:gamma=", ["focal:gamma", "at least 0"]),
        ("focal:gamma=x", ["focal:gamma='x'", "at least 0"]),
        ("focal:gamma=-1", ["focal:gamma='-1'", "at least 0"]),
        ("focal:gamma=nan", ["focal:gamma", "at least 0"]),
        ("focal:gamma=inf", ["focal:gamma", "at least 0"]),
        ("focal:alpha=1.5", ["focal:alpha='1.5'", "between 0 and 1"]),
        ("ss:sensitivity_weight=2", ["ss:sensitivity_weight='2'", "between 0 and 1"]),
        ("dl2:epsilon=-1", ["dl2:epsilon='-1'", "at least 0"]),
        ("weighted_bce:pos_weight=-1", ["weighted_bce:pos_weight='-1'", "at least 0"]),
        ("bce:eta=0", ["bce:eta='0'", "above 0"]),
        ("bce:eta=0.6", ["bce:eta='0.6'", "at most 0.5"]),
        ("gds:background=maybe", ["gds:background='maybe'", "yes or no"]),
        ("soft_dice:power=3", ["soft_dice:power='3'", "write 1 or 2"]),
        ("soft_dice:power=x", ["soft_dice:power='x'", "write 1 or 2"]),
        ("ce:label_smoothing=2", ["ce:label_smoothing='2'", "between 0 and 1"]),
        ("tp:empty=7", ["tp counts, and is defined where both volumes lack a label", "empty", "leave it out"]),
        ("x=dice + betti0_error:empty=1", ["betti0_error counts"]),
        ("voi:empty=0", ["voi is of all labels together alone", "empty"]),
        ("partition:empty=0", ["partition is of all labels together alone"]),
        ("ece:bins=7", ["ece:bins='7'", "divides 300 or 4096"]),
    ],
)
def test_what_cannot_be_understood_is_named_with_the_way_out(text: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as refusal:
        select(text)
    message = str(refusal.value)
    assert message.startswith("--metrics")
    assert [word for word in words if word not in message] == []


def pair(nifti: Callable[..., Path]) -> tuple[Path, Path]:
    return (
        nifti("p.nii", np.array([0, 1, 1, 0], np.uint8).reshape(4, 1, 1)),
        nifti("r.nii", np.array([0, 1, 0, 1], np.uint8).reshape(4, 1, 1)),
    )


def test_the_columns_of_a_report_are_the_keys_in_the_order_asked_for(
    segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    wanted = "focal:gamma=3,dice,weighted_bce:pos_weight=20,focal"
    run = segeval("score", *pair(nifti), "--metrics", wanted, "-f", "json")
    columns = ["focal:gamma=3", "dice", "weighted_bce:pos_weight=20", "focal"]
    assert [key for key in run.row(1) if key not in ("label", "name")] == columns
    assert list(run.row("mean")["n"]) == columns
    assert run.json["settings"]["metrics"] == columns
    assert "focal:gamma=3" in run.json["signature"]
    assert "weighted_bce:pos_weight=20" in run.json["signature"]
    csv = segeval("score", *pair(nifti), "--metrics", wanted, "-f", "csv")
    assert csv.out.splitlines()[0] == "case,label,name," + ",".join(columns)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--metrics", "dise"],
        ["--metrics", "focal:gamma=x"],
        ["--class-weights", "1"],
        ["--class-weights", "1=x"],
        ["--class-weights", "1=-2"],
        ["--class-weights", "1=inf"],
        ["--empty", "two"],
        ["--region", "w"],
        ["--region", "w=x"],
        ["--region", "mean=1"],
        ["--region", "all=1"],
        ["--region", "7=1"],
        ["--region", "w=1", "--region", "w=2"],
        ["--labels", "1,b"],
        ["--threshold", "nan"],
    ],
    ids=" ".join,
)
def test_usage_errors_exit_2_with_one_line_and_no_output(
    segeval: Callable[..., Any], nifti: Callable[..., Path], arguments: list[str]
) -> None:
    run = segeval("score", *pair(nifti), *arguments)
    assert (run.code, run.out) == (2, "")
    assert len(run.err.splitlines()) == 1


def test_all_is_every_quantity_but_those_of_detection_maps() -> None:
    every = [selection.quantity for selection in select("all")]
    assert every == [quantity for quantity in all_quantities() if quantity.group != "detection_maps"]
    assert {quantity.group for quantity in every} == set(GROUPS) - {"detection_maps"}
    with pytest.raises(UsageError, match="'all' is a quantity or a group"):
        select("all=dice + iou")


IN_TURN = """
import importlib, sys
from segeval.quantities.quantity import FILES, QUANTITIES
{first}
print(*QUANTITIES)
"""


def names_in_a_process(first: str = "") -> list[str]:
    text = IN_TURN.format(first=first)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()


def test_the_files_of_a_group_register_its_quantities_and_no_others() -> None:
    room = Path(quantity_module.__file__).parent
    registering = {
        path.stem for path in room.glob("*.py") if "\n@" in path.read_text("utf-8") and path.stem != "quantity"
    }
    listed = {file for files in FILES.values() for file in files}
    assert registering - listed == {"naming", "expressions"}  # caches
    assert list(FILES) == list(GROUPS)
    for quantity in all_quantities():
        assert quantity.formula.__module__.rpartition(".")[2] in FILES[quantity.group]


@pytest.mark.parametrize(
    "first",
    [
        "import segeval.quantities.lesions_found, segeval.quantities.reliability",
        "QUANTITIES['probabilistic_distance']",
        "QUANTITIES.of('topology'); QUANTITIES['dice']",
        "QUANTITIES.get('no_such_quantity')",
    ],
)
def test_what_is_imported_first_does_not_change_the_order(first: str) -> None:
    assert names_in_a_process(first) == [quantity.name for quantity in all_quantities()]
