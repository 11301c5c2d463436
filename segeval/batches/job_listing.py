"""The jobs of a batch: its pairs, each with what lies beside it in other folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from segeval.batches.jobs import Job
from segeval.cases.voxels_that_count import NAMES
from segeval.errors import UnreadableFile
from segeval.files.paths import exists
from segeval.pairing import CasePair, Pairing
from segeval.pairing.companions import ByCase, paired_like
from segeval.readers import Input
from segeval.settings import Settings
from segeval.words.lists import named


def jobs_of(
    pairs: Iterable[CasePair],
    pairing: Pairing,
    settings: Settings,
    references: Path | None,
    case_pattern: str | None = None,
) -> list[Job]:
    """A job per pair, by case. A mask that is missing, or of which there are several, is that case's problem.

    references: the folder of references, None with a manifest. Raises UnreadableFile for a folder without volumes.
    """
    folders: dict[str, ByCase] = {}
    for name in NAMES:
        path = getattr(settings, name)
        if path is None:
            continue
        if not exists(Path(path)):
            raise UnreadableFile(f"--{name} {path}: there is no such file or folder")
        if Input(Path(path)).is_folder:
            folders[name] = paired_like(pairing, Path(path), references, case_pattern)
    return [_job(pair, folders, settings) for pair in sorted(pairs, key=lambda pair: pair.case)]


def _job(pair: CasePair, folders: dict[str, ByCase], settings: Settings) -> Job:
    found = {name: of_case(pair.case) for name, of_case in folders.items()}
    problems = [_problem(name, getattr(settings, name), files) for name, files in found.items() if len(files) != 1]
    beside = {name: Input(files[0]) for name, files in found.items() if len(files) == 1}
    prediction = None if pair.prediction is None else Input(pair.prediction)
    return Job(pair.case, prediction, Input(pair.reference), beside, "; ".join(problems))


def _problem(name: str, folder: str, files: Sequence[Path]) -> str:
    if not files:
        return f"--{name} {folder} holds no file of this case; add it under the name of the case"
    return f"--{name} {folder} holds several files of this case ({named(list(map(str, files)), 3)}); keep one of them"
