"""What labels are called: one numbering for two sides whose names say that theirs differ; no number of two names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from segeval.results.report import CaseResult, Label
from segeval.results.rows import lines_of
from segeval.targets import BACKGROUND

Names = Mapping[int, str]


def folded(name: str) -> str:
    """What two spellings of a name have in common: no case, and one space for blanks, underscores and hyphens."""
    return " ".join(re.split(r"[\s_-]+", name.casefold())).strip()


def shared_numbers(own: Names, names: Names) -> dict[int, int]:
    """The number that ``names`` has for the name of a label, of those whose name both know.

    Where several labels have one name, its number tells which of them is meant.
    """
    known = _by_name(names)
    shared = {value: known[name] for name, value in _by_name(own).items() if name in known}
    return shared | {
        value: value
        for value, name in own.items()
        if value not in shared and value in names and folded(names[value]) == folded(name)
    }


def numbers_under(own: Names, names: Names, shared: Mapping[int, int], taken: Collection[int] = ()) -> dict[int, int]:
    """Every label's number beside the labels of ``names``: as in ``shared``, else its own, or one of nobody's.

    taken: numbers that no label may get.
    """
    numbers = dict(shared)
    used = {*names, *numbers.values(), *taken}
    for value in own:
        if value not in numbers and value != BACKGROUND:
            numbers[value] = value if value not in used else max([*used, *own]) + 1
            used.add(numbers[value])
    return numbers


def with_other_names(cases: Iterable[CaseResult]) -> dict[str, CaseResult]:
    """By case, an error in place of each result that gives a label another name than a case before it."""
    known: dict[Label, tuple[str, str]] = {}
    refused: dict[str, CaseResult] = {}
    for case in cases:
        own = {line.label: line.name for line in lines_of(case.rows) if line.name is not None}
        other = next((label for label in own if label in known and folded(own[label]) != folded(known[label][0])), None)
        if other is None:
            for label, name in own.items():
                known.setdefault(label, (name, case.case))
            continue
        name, first = known[other]
        reason = f"label {other} is {own[other]!r} here and {name!r} in {first}; name the labels with --labels"
        refused[case.case] = CaseResult(case.case, case.prediction, case.reference, status="error", reason=reason)
    return refused


def _by_name(names: Names) -> dict[str, int]:
    """Label values by folded name, without those that several labels share."""
    count = Counter(map(folded, names.values()))
    return {folded(name): value for value, name in names.items() if count[folded(name)] == 1 and value != BACKGROUND}
