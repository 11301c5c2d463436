"""Labels of two sides that have names: one numbering for both, where the names say that theirs differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

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


def _by_name(names: Names) -> dict[str, int]:
    """Label values by folded name, without those that several labels share."""
    count = Counter(map(folded, names.values()))
    return {folded(name): value for value, name in names.items() if count[folded(name)] == 1 and value != BACKGROUND}
