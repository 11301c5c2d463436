"""Numbers and yes or no, as options ask for them, of Python and of documents; the command line has read its own."""

from __future__ import annotations

import operator
from types import NoneType
from typing import Any, get_args

from segeval.errors import UsageError
from segeval.words.printable import shortened

_WORDS = {bool: "True or False", int: "an integer", float: "a number"}


def typed(option: str, value: Any, kind: Any) -> Any:
    """The value as Python's own bool, int or float, NumPy's included; None and other kinds of answers as they are.

    kind: a type or a union of some. Raises UsageError for a value that is none of the kind.
    """
    kinds = get_args(kind) or (kind,)
    (wanted, *more) = [one for one in kinds if one is not NoneType]
    if more or wanted not in _WORDS or (value is None and NoneType in kinds):
        return value
    try:
        return _MADE[wanted](value)
    except (TypeError, ValueError, OverflowError):
        or_none = " or None" if NoneType in kinds else ""
        raise UsageError(f"{option}={shortened(repr(value), 100)}: write {_WORDS[wanted]}{or_none}") from None


def _bool(value: Any) -> bool:
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError
    return bool(value)


def _float(value: Any) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError
    return float(value)


_MADE = {bool: _bool, int: operator.index, float: _float}
