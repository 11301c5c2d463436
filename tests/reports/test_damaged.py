"""Reports whose members are something else than segeval writes: refused, with the place, before anybody stumbles."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import evaluate_arrays, read_report
from segeval.errors import UnreadableFile

Edit = Callable[[Any], Any]


def written(path: Path, edit: Edit) -> Path:
    document = evaluate_arrays(np.eye(3, dtype=int), np.eye(3, dtype=int), metrics="dice").document()
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: d.update(signature=5), "Expected `str`, got `int` - at `$.signature`"),
        (lambda d: d.update(settings=[]), "`$.settings`"),
        (lambda d: d["settings"].update(backend=["numpy"]), "`$.settings.backend`"),
        (lambda d: d["settings"].update(regions={"whole": 3}), "`$.settings.regions[...]`"),
        (
            lambda d: d["settings"].update(protocol={"name": "kits23"}),
            "required field `version` - at `$.settings.protocol`",
        ),
        (
            lambda d: d["settings"].update(protocol={"name": "x", "version": 1, "columns": {"Dice": 3}}),
            "Expected `str`, got `int` - at `$.settings.protocol.columns[...]`",
        ),
        (lambda d: d.update(remarks="a remark"), "Expected `array`, got `str` - at `$.remarks`"),
        (lambda d: d.update(pooled=[5]), "`$.pooled[0]`"),
        (lambda d: d["columns"][0].update(main="yes"), "Expected `bool`, got `str` - at `$.main`"),
        (lambda d: d["cases"][0].update(case=5), "case 1: Expected `str`, got `int` - at `$.case`"),
        (lambda d: d["cases"].append({**d["cases"][0], "status": "odd"}), "case 2: Invalid enum value 'odd'"),
        (lambda d: d["cases"][0].update(prediction=5), "`$.prediction`"),
        (lambda d: d["cases"][0].update(confusion=[[1]]), "`$.confusion[0]`"),
        (lambda d: d["cases"][0].update(confusion=[["a", 1, 2]]), "`$.confusion[0][0]`"),
        (lambda d: d["cases"][0].update(sha256={"prediction": "ab"}), "required field `reference` - at `$.sha256`"),
        (lambda d: d["cases"][0]["rows"][0].update(name=5), "5 is no name"),
    ],
)
def test_a_member_of_another_type_is_damage(edit: Edit, words: str, tmp_path: Path) -> None:
    path = written(tmp_path / "r.json", edit)
    with pytest.raises(UnreadableFile, match=re.escape(words)) as refused:
        read_report(path)
    assert str(refused.value).startswith(f"{path}: the report is damaged (")
    assert str(refused.value).endswith("; score again")


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(author="somebody"),
        lambda d: d["cases"][0].update(author="somebody"),
        lambda d: d["cases"][0].update(reason=None, sha256=None),
        lambda d: d["columns"][0].pop("main"),
        lambda d: d.update(settings={}),
        lambda d: d["settings"].update(author="somebody", backend="numpy + cupy", protocol={"name": "x", "version": 1}),
    ],
)
def test_what_nobody_asks_for_may_be_there_or_not(edit: Edit, tmp_path: Path) -> None:
    whole, other = (read_report(written(tmp_path / "r.json", one)) for one in (lambda d: d, edit))
    assert other.cases == whole.cases
