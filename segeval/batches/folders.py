"""``segeval.evaluate_folder``: a folder of predictions against a folder of references, for every door alike."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from msgspec import Struct

from segeval.batches.job_listing import jobs_of
from segeval.batches.jobs import Job
from segeval.batches.journal import Journal
from segeval.batches.runners import Runner, default_workers, local_runner
from segeval.batches.running import Observer, run_batch, with_class_names
from segeval.cases.voxels_that_count import files_beside
from segeval.choices import LayoutName, Missing
from segeval.errors import UsageError
from segeval.files.paths import is_file, path_of
from segeval.files.remote import is_remote
from segeval.kernels.cupy_device import require_device
from segeval.pairing import Pairing, pair_coco, pair_folders, read_manifest
from segeval.readers import Input
from segeval.readers.containers import is_coco
from segeval.results.report import Report
from segeval.settings import FileOptions, Settings, settings_of
from segeval.settings.asking import spelt_out
from segeval.settings.option import require_word
from segeval.settings.protocols import decided_by
from segeval.words.printable import shortened

PathLike = str | os.PathLike[str]


class Prepared(Struct, frozen=True):
    """A batch that can be run: what was paired, and how it is scored.

    jobs: those to score; skipped: references without a prediction that are only named. pooled: all cases' voxels are
    counted together, too. labels: the file or text that says which labels there are, the folder's own among them.
    """

    pairing: Pairing
    settings: Settings
    jobs: Sequence[Job]
    skipped: Sequence[Job]
    pooled: bool
    labels: Any

    @property
    def volumes(self) -> list[Input | None]:
        """Every file that will be read."""
        return [volume for job in self.jobs for volume in job.volumes] + files_beside(self.settings)

    def run(
        self,
        runner: Runner,
        *,
        journal: Journal | None = None,
        fail_fast: bool = False,
        observer: Observer | None = None,
    ) -> Report:
        """Score all of it. Raises StoppedError at the first failure with ``fail_fast``."""
        report = run_batch(
            self.jobs,
            self.settings,
            runner,
            missing=self.skipped,
            journal=journal,
            pooled=self.pooled,
            fail_fast=fail_fast,
            observer=observer,
        )
        return report.with_remarks((*self.pairing.remarks, *report.remarks))


def prepared(
    pairing: Pairing,
    given: Mapping[str, Any],
    references: Path | None,
    *,
    case_pattern: str | None = None,
    missing: Missing = "error",
    part: tuple[int, int] = (1, 1),
    pooled: bool = False,
    quantities: Sequence[str] = (),
    hashed: bool = False,
    on_this_machine: bool = True,
) -> Prepared:
    """What the answers make of these pairs, by option. Raises SegevalError before anything is read.

    references: the folder of references, None with a manifest. part: which part of how many, from 1. quantities: more
    of them, beside those asked for. on_this_machine: no cluster scores, whose machines have devices of their own.
    """
    pairing.require_complete(allow_missing=missing != "error")
    labels = given.get("labels")
    decided = decided_by(given.get("protocol"))
    if labels is None and pairing.label_file is not None and "labels" not in decided:
        labels = str(pairing.label_file)
        given = {**given, "labels": labels}
    settings = settings_of(given, **({"hashed": True} if hashed else {}))
    if quantities:
        settings = settings.with_quantities(quantities)
    pairs = pairing.pairs + (pairing.missing if missing == "worst" else ())
    every_job = jobs_of(pairs, pairing, settings, references, case_pattern)
    settings = with_class_names(settings, every_job)
    if settings.backend == "cupy" and on_this_machine:
        require_device()  # an error before the first case rather than in every one
    named = missing == "skip" and part[0] == 1
    return Prepared(
        pairing,
        settings,
        every_job[part[0] - 1 :: part[1]],
        [Job(pair.case, None, Input(pair.reference)) for pair in pairing.missing] if named else [],
        # lesions are found over all cases; a protocol may have numbers of all cases together
        pooled
        or "detections" in settings.records
        or (settings.protocol is not None and bool(settings.protocol.pooled)),
        labels,
    )


@spelt_out()
def evaluate_folder(
    predictions: PathLike | None = None,
    references: PathLike | None = None,
    *,
    manifest: PathLike | None = None,
    pairing: LayoutName | None = None,
    case_pattern: str | None = None,
    probabilities: bool = False,
    missing: Missing = "error",
    workers: int | None = None,
    pooled: bool = False,
    fail_fast: bool = False,
    **options: Unpack[FileOptions],
) -> Report:
    """Score a folder of predictions against a folder of references: ``segeval batch`` as a function.

    manifest: a CSV of case, prediction and reference, in place of the folders. pairing, case_pattern: how names pair,
    where the first layout that fits is not meant. probabilities: nnU-Net's .npz, not the label maps. missing: what a
    reference without a prediction is. workers: processes; the cores, within memory, where None. pooled: all cases'
    voxels counted together, too. fail_fast: raise at the first case that fails, which otherwise is one of the report's.
    Every other option is `segeval.evaluate`'s.
    Raises SegevalError: UnreadableFile, UsageError, LabelError, StoppedError.
    """
    given = {"predictions": predictions, "references": references, "manifest": manifest}
    paths = {name: None if path is None else path_of(name, path) for name, path in given.items()}
    found = paired(
        paths["predictions"],
        paths["references"],
        paths["manifest"],
        pairing,
        case_pattern,
        probabilities=probabilities,
    )
    require_word("missing", missing, Missing)
    _require_workers(workers)
    batch = prepared(
        found,
        options,
        paths["references"],
        case_pattern=case_pattern,
        missing=missing,
        pooled=pooled,
    )
    runner = local_runner(workers or default_workers(), lambda remark: warnings.warn(remark, stacklevel=2))
    return batch.run(runner, fail_fast=fail_fast)


def _require_workers(workers: Any) -> None:
    """Refuse what is no number of processes. Raises UsageError."""
    try:
        enough = workers is None or operator.index(workers) >= 1
    except TypeError:
        enough = False
    if not enough:
        raise UsageError(f"workers={shortened(repr(workers))}: give a number of processes, at least 1, or None")


def paired(
    predictions: Path | None,
    references: Path | None,
    manifest: Path | None,
    layout: str | None,
    case_pattern: str | None,
    *,
    probabilities: bool,
) -> Pairing:
    """The files of each case, of two COCO files the images. Raises UsageError, UnreadableFile, PairingError."""
    if manifest is not None:
        if predictions is not None or references is not None or layout is not None or case_pattern is not None:
            raise UsageError("--manifest names every file; leave the folders, --pairing and --case-pattern out")
        return read_manifest(manifest)
    if predictions is None or references is None:
        raise UsageError("name a folder of predictions and a folder of references, or a --manifest")
    if layout is not None and case_pattern is not None:
        raise UsageError("--pairing and --case-pattern are two ways to pair; give one of them")
    if is_remote(predictions) or is_remote(references):
        raise UsageError("folders of other machines are not listed; name the files in a --manifest")
    if is_coco(predictions) and is_coco(references) and is_file(predictions) and is_file(references):
        if layout is not None or case_pattern is not None:
            raise UsageError("two COCO files pair by image; leave --pairing and --case-pattern out")
        return pair_coco(predictions, references)
    return pair_folders(predictions, references, layout=layout, case_pattern=case_pattern, probabilities=probabilities)
