"""The parts of one volume that are counted, a line each: what a resumed run need not count again.

A part is known by its number among how many, by the size and time of the files, by every setting and the version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segeval.batches.journal import fingerprint, settings_key
from segeval.batches.line_journal import LineJournal, decoded, encoded
from segeval.batches.part_lines import OF_ANOTHER_MAKING, PartLine, part_document, part_of
from segeval.cases.parts import PartResult
from segeval.readers import Input
from segeval.settings import Settings
from segeval.volumes.tiles import PART_VOXELS


class PartsJournal(LineJournal):
    """The journal beside an output. Raises WriteError as any does."""

    def __init__(self, output: Path, files: Sequence[Input], settings: Settings, *, resume: bool) -> None:
        super().__init__(output, resume=resume)
        facts = [[str(file), fingerprint(file)] for file in files]
        self._facts = [facts, settings_key(settings, keep_tallies=False), PART_VOXELS]

    def find(self, number: int, count: int) -> PartResult | None:
        """What counting this part gave, if these very files were counted under these very settings before."""
        text = self.take(self._key(number, count))
        line = None if text is None else decoded(text, PartLine)
        if line is None:
            return None
        try:
            return part_of(line.part)
        except OF_ANOTHER_MAKING:
            return None

    def add(self, number: int, count: int, result: PartResult) -> None:
        """Note a part."""
        self.append(encoded(PartLine(self._key(number, count), part_document(result))))

    def _key(self, number: int, count: int) -> str:
        return json.dumps([number, count, self._facts])


@contextmanager
def parts_journal_beside(
    outputs: Sequence[Path], files: Sequence[Input], settings: Settings, *, resume: bool
) -> Iterator[PartsJournal | None]:
    """The journal beside the first output, or None without one. Raises WriteError.

    It goes where all went well, and where nothing was counted.
    """
    if not outputs:
        yield None
        return
    with PartsJournal(outputs[0], files, settings, resume=resume) as journal:
        done = False
        try:
            yield journal
            done = True
        finally:
            if done or not journal.path.stat().st_size:
                journal.path.unlink(missing_ok=True)
