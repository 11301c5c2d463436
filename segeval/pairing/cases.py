"""Cases by name on both sides, and the pairs they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct, field

from segeval.pairing.listing import Listing
from segeval.pairing.records import CasePair, Pairing
from segeval.readers import Input
from segeval.words.lists import named

NPZ = ".npz"


class Cases(Struct):
    """One side's cases: relative paths by case name, and sentences on what could not be understood.

    unclear_files counts the references behind those sentences.
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    unclear_files: int = 0

    def add(self, case: str, file: str) -> None:
        """Note one more file of a case."""
        self.files.setdefault(case, []).append(file)

    def give_up(self, sentence: str, files: int) -> None:
        """Note that so many files cannot be told apart, and why."""
        self.unclear.append(sentence)
        self.unclear_files += files

    @property
    def count(self) -> int:
        """How many files lie behind the cases."""
        return sum(map(len, self.files.values())) + self.unclear_files


BothSides = tuple[Cases, Cases]
Layout = Callable[[Listing, Listing, bool], BothSides]
"""How a layout names the cases of predictions and references; the flag: probabilities are preferred."""


def file_stem(relative: str) -> str:
    """The last part of a relative path without its format ending."""
    return Input(Path(relative.rpartition("/")[2])).stem


def grouped(files: Iterable[str], name_of: Callable[[str], str | None], prefer_npz: bool) -> Cases:
    """Files by the case that ``name_of`` reads from a relative path; None: no file of a case."""
    cases = Cases()
    for file in files:
        case = name_of(file)
        if case:
            cases.add(case, file)
    return chosen(cases, prefer_npz)


def chosen(cases: Cases, prefer_npz: bool) -> Cases:
    """Of a label map and the ``.npz`` of its probabilities the one that is asked for; the other is no duplicate."""
    for case, files in cases.files.items():
        if len(files) > 1:
            cases.files[case] = label_map_or_npz(files, prefer_npz)
    return cases


def label_map_or_npz(files: list[str], prefer_npz: bool) -> list[str]:
    """The ``.npz`` files or all others, whichever are preferred and there."""
    archives = [file for file in files if file.lower().endswith(NPZ)]
    others = [file for file in files if not file.lower().endswith(NPZ)]
    return (archives or others) if prefer_npz else (others or archives)


class Attempt(Struct, frozen=True):
    """What one layout makes of two folders, and how many references it leaves without a partner."""

    pairing: Pairing
    unpaired: int


def matched(layout: str, predictions: Listing, references: Listing, cases: BothSides) -> Attempt:
    """Cases of one name belong together where each side has one file."""
    ours, theirs = cases
    pairs, missing, duplicates = [], [], []
    extra: list[tuple[str, Path]] = []
    for case in sorted(ours.files.keys() | theirs.files.keys()):
        p, r = ours.files.get(case, []), theirs.files.get(case, [])
        if len(r) > 1 or (r and len(p) > 1):
            duplicates.append(_several(case, p, r))
        elif p and r:
            pairs.append(CasePair(case, predictions.path(p[0]), references.path(r[0])))
        elif r:
            missing.append(CasePair(case, None, references.path(r[0])))
        else:
            extra.extend((case, predictions.path(file)) for file in p)
    pairing = Pairing(
        layout=layout,
        pairs=tuple(pairs),
        missing=tuple(missing),
        extra=tuple(extra),
        duplicates=tuple(duplicates),
        ambiguous=tuple(dict.fromkeys([*ours.unclear, *theirs.unclear])),
    )
    return Attempt(pairing, theirs.count - len(pairs))


def _several(case: str, predictions: list[str], references: list[str]) -> str:
    sides = [
        f"the {side} hold {_listed(files)}"
        for side, files in (("predictions", predictions), ("references", references))
        if len(files) > 1
    ]
    return f"{case}: {', '.join(sides)}; keep one of {'each' if len(sides) == 2 else 'them'}"


def _listed(files: list[str]) -> str:
    if len(files) <= 5:
        return f"{', '.join(files[:-1])} and {files[-1]}"
    return named(files, 5)
