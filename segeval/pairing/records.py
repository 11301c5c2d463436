"""What pairing found: which prediction belongs to which reference, and what has no partner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from segeval.errors import PairingError
from segeval.words.lists import counted_as, named
from segeval.words.printable import printable

MANIFEST = "manifest"
_MOST_NAMED = 10


class CasePair(Struct, frozen=True):
    """A case's two paths; each is a file, or a folder of one mask per class. No prediction: it is missing."""

    case: str
    prediction: Path | None
    reference: Path


class Pairing(Struct, frozen=True):
    """The outcome of pairing two folders, or of reading a manifest; every part is in the order of case names.

    A reference stands in exactly one of pairs, missing, duplicates and ambiguous; a prediction in none of pairs,
    duplicates and ambiguous stands in extra.
    """

    layout: str
    pairs: tuple[CasePair, ...] = ()
    missing: tuple[CasePair, ...] = ()
    extra: tuple[tuple[str, Path], ...] = ()
    duplicates: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    label_file: Path | None = None
    remarks: tuple[str, ...] = ()

    def require_complete(self, allow_missing: bool) -> None:
        """Raises PairingError for duplicates and ambiguous names, and for missing predictions unless allowed."""
        problems = []
        if self.missing and not allow_missing:
            names = named([pair.case for pair in self.missing])
            problems.append(
                f"{_have(len(self.missing), 'reference')} no prediction: {names}; --missing skip leaves "
                f"{'it' if len(self.missing) == 1 else 'them'} out, --missing worst scores an empty prediction instead"
            )
        if self.duplicates:
            problems.append(f"{_have(len(self.duplicates), 'case')} several files: {_joined(self.duplicates)}")
        if self.ambiguous:
            noun, state = ("line", "not whole") if self.layout == MANIFEST else ("name", "ambiguous")
            counted = f"{counted_as(len(self.ambiguous), noun)} {'is' if len(self.ambiguous) == 1 else 'are'}"
            problems.append(f"{counted} {state}: {_joined(self.ambiguous)}")
        if problems:
            advice = (
                "Correct the manifest"
                if self.layout == MANIFEST
                else f"Paired by layout {self.layout}; --pairing or --case-pattern names the cases otherwise, "
                "--manifest the pairs themselves"
            )
            raise PairingError(". ".join([*problems, f"{advice}; --dry-run shows everything"]))

    def describe(self) -> str:
        """The whole pairing as plain text: counts, then every name."""
        return "\n".join(printable(line) for line in self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"layout      {self.layout}"
        if self.label_file is not None:
            yield f"labels      {self.label_file}"
        sections = {
            "pairs": [_entry(p.case, p.prediction, p.reference) for p in self.pairs],
            "references without a prediction": [_entry(p.case, None, p.reference) for p in self.missing],
            "predictions without a reference": [_entry(case, path, None) for case, path in self.extra],
            "duplicates": [[sentence] for sentence in self.duplicates],
            "lines that are not whole" if self.layout == MANIFEST else "ambiguous names": [
                [sentence] for sentence in self.ambiguous
            ],
        }
        for title, entries in sections.items():
            yield f"{title:<31}  {len(entries):>7,}"
        for title, entries in sections.items():
            if entries:
                yield ""
                yield f"{title[0].upper()}{title[1:]}"
                for first, *rest in entries:
                    yield f"  {first}"
                    yield from (f"    {line}" for line in rest)


def _entry(case: str, prediction: Path | None, reference: Path | None) -> list[str]:
    lines = [case]
    if prediction is not None:
        lines.append(f"prediction  {prediction}")
    if reference is not None:
        lines.append(f"reference   {reference}")
    return lines


def _have(count: int, noun: str) -> str:
    return f"{counted_as(count, noun)} {'has' if count == 1 else 'have'}"


def _joined(sentences: Sequence[str]) -> str:
    more = len(sentences) - _MOST_NAMED
    return " | ".join([*sentences[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
