"""``segeval.evaluate``: the command ``segeval score`` as a function."""

from __future__ import annotations

import os
from typing import Unpack

from segeval.cases.case import score_files
from segeval.cases.opening import OnBytes
from segeval.cases.parts import Elsewhere
from segeval.files.paths import path_of
from segeval.readers import Input
from segeval.results.report import Report
from segeval.settings import FileOptions, Settings, settings_of
from segeval.settings.asking import spelt_out


@spelt_out()
def evaluate(
    prediction: str | os.PathLike[str], reference: str | os.PathLike[str], **options: Unpack[FileOptions]
) -> Report:
    """Score a prediction file against a reference file; every option is the command line's.

    labels: label values, name → value, or the path of a label file.
    regions: name → label values or ``"*"``. metrics: ``"dice,focal:gamma=3"``, or a list of such, or ``"all"``; None
    for overlap and losses.
    volume: which one of a file that holds several, such as a 4-D series, from 0; a pair for prediction and reference.
    tolerance: a fraction of the reference's smallest spacing.
    Raises SegevalError: UnreadableFile, GeometryError, LabelError, UsageError.
    """
    arrays = "; evaluate_arrays scores two arrays"
    ours, theirs = path_of("prediction", prediction, arrays), path_of("reference", reference, arrays)
    return score_pair(Input(ours), Input(theirs), settings_of(options))


def score_pair(
    prediction: Input,
    reference: Input,
    settings: Settings,
    on_bytes: OnBytes | None = None,
    elsewhere: Elsewhere | None = None,
) -> Report:
    """The report of one pair of files. elsewhere: what counts its parts, as in `score_files`. Raises SegevalError."""
    result = score_files(prediction, reference, settings, on_bytes, elsewhere=elsewhere).result
    columns = tuple(selection.column for selection in settings.selections)
    return Report(settings.signature(result.kind), settings.document(), columns, (result,))
