"""A number of a challenge from those of a case: ``where({liver.dice} < 0.2, 0, {liver.nsd:tau=2})``.

A parser reads it; nothing is evaluated as code. Undefined is NaN: it passes through arithmetic, comparisons with it are
false, and ``mean``, ``sum``, ``min``, ``max`` and ``count`` leave it out. ``total`` and ``average`` do so over cases.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

    from segeval.results.report import CaseResult, Row

Lookup = Callable[[str], float]
"""``liver.dice`` to its value, NaN where it is undefined or absent."""

Formula = Callable[[Lookup], float]


class Together:
    """All cases: what is asked for is that of the pooled rows; ``total`` and ``average`` ask each of the cases."""

    def __init__(self, pooled: Lookup, cases: Sequence[Lookup]) -> None:
        self._pooled = pooled
        self.cases = cases

    def __call__(self, of: str) -> float:
        return self._pooled(of)


GRAMMAR = r"""
?value: both | value "or" both -> either
?both: test | both "and" test -> both
?test: sum | sum COMPARISON sum -> compared
?sum: product | sum SIGN product -> joined
?product: factor | product POINT factor -> joined
?factor: atom | "-" atom -> negative
?atom: NUMBER -> number | REFERENCE -> reference | NAME "(" value ("," value)* ")" -> call | "(" value ")"

COMPARISON: "<=" | ">=" | "==" | "!=" | "<" | ">"
SIGN: "+" | "-"
POINT: "*" | "/"
REFERENCE: /\{[^{}]+\}/
NAME: /(?!(and|or)\b)[a-z]+/
NUMBER: /(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i
%ignore /\s+/
"""

_MOST_CHARACTERS = 100_000  # a hundred labels, by name, in several quantities
_MOST_STEPS = 200  # of arithmetic, and functions within functions: each is a call within a call
_REFERENCE = re.compile(r"\{([^{}]+)\}")


def _divided(one: float, other: float) -> float:
    return one / other if other else math.nan


_OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": lambda one, other: one < other or one > other,
}


def _true(value: float) -> bool:
    """What is undefined is not."""
    return bool(value) and not math.isnan(value)


def _of_defined(function: Callable[[list[float]], float]) -> Callable[..., float]:
    """Over the defined ones; undefined where there are none."""

    def applied(*values: float) -> float:
        defined = [value for value in values if not math.isnan(value)]
        return function(defined) if defined else math.nan

    return applied


_FUNCTIONS: Mapping[str, tuple[Callable[..., float], int | None]] = {
    "where": (lambda test, one, other: one if _true(test) else other, 3),
    "given": (lambda test, value: value if _true(test) else math.nan, 2),
    "otherwise": (lambda one, other: other if math.isnan(one) else one, 2),
    "defined": (lambda value: not math.isnan(value), 1),
    "abs": (abs, 1),
    "sqrt": (lambda value: math.sqrt(value) if value >= 0 else math.nan, 1),
    "count": (lambda *values: sum(not math.isnan(value) for value in values), None),
    "mean": (_of_defined(lambda values: math.fsum(values) / len(values)), None),
    "sum": (_of_defined(math.fsum), None),
    "min": (_of_defined(min), None),
    "max": (_of_defined(max), None),
}
"""With the number of values that each takes; None for any."""

_OVER_CASES = {"total": _FUNCTIONS["sum"][0], "average": _FUNCTIONS["mean"][0], "largest": _FUNCTIONS["max"][0]}
"""Of one value of every case."""


def formula(text: str) -> Formula:
    """A formula as a function; a text without braces is one ``LABEL.QUANTITY``. Raises ValueError."""
    return _parsed(text) if "{" in text else lambda lookup: lookup(text)


def references_of(text: str) -> tuple[list[str], bool]:
    """(What a formula asks of the rows that it is of, whether it asks each of many cases). Raises ValueError."""
    asked: list[str] = []
    each: list[str] = []

    def noting(names: list[str]) -> Lookup:
        def lookup(of: str) -> float:
            names.append(of)
            return math.nan

        return lookup

    formula(text)(Together(noting(asked), [noting(each)]))
    return asked, bool(each)


def value_of(case: CaseResult, text: str) -> float:
    """A formula's value for a case, by its rows' names or values; NaN where undefined, 1 or 0 for true or false."""
    return float(formula(text)(lookup_of(case.rows)))


def lookup_of(rows: Sequence[Row]) -> Lookup:
    """The values of rows, by their names or labels."""
    by_label: dict[str, Mapping[str, Any]] = {}
    for row in reversed(rows):
        by_label |= {str(row.label): row.values, row.name or str(row.label): row.values}

    def lookup(of: str) -> float:
        for place in (match.start() for match in re.finditer(r"\.", of)):  # names may hold one, and numbers
            value = by_label.get(of[:place], {}).get(of[place + 1 :])
            if value is not None:
                return float(value)
        return math.nan

    return lookup


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start="value")


def _call(name: str, *arguments: Formula) -> Formula:
    if name in _OVER_CASES:
        return _over_cases(name, *arguments)
    if name not in _FUNCTIONS:
        raise ValueError(f"there is no function {name!r}; there are {', '.join((*_FUNCTIONS, *_OVER_CASES))}")
    function, count = _FUNCTIONS[name]
    if count is not None and len(arguments) != count:
        raise ValueError(f"{name} takes {count} value{'s' * (count != 1)}, not {len(arguments)}")
    return lambda lookup: function(*(argument(lookup) for argument in arguments))


def _over_cases(name: str, *arguments: Formula) -> Formula:
    if len(arguments) != 1:
        raise ValueError(f"{name} takes 1 value, not {len(arguments)}")
    fold, (argument,) = _OVER_CASES[name], arguments
    return lambda lookup: fold(*map(argument, lookup.cases if isinstance(lookup, Together) else [lookup]))


def _joined(one: Formula, sign: str, other: Formula) -> Formula:
    operation = _OPERATIONS[str(sign)]
    return lambda lookup: operation(one(lookup), other(lookup))


_RULES: Mapping[str, Callable[..., Formula]] = {
    "number": lambda token: lambda _: float(token),
    "reference": lambda token: lambda lookup: lookup(token[1:-1]),
    "negative": lambda one: lambda lookup: -one(lookup),
    "joined": _joined,
    "compared": _joined,
    "call": lambda name, *arguments: _call(str(name), *arguments),
    "either": lambda one, other: lambda lookup: any([_true(one(lookup)), _true(other(lookup))]),
    "both": lambda one, other: lambda lookup: all([_true(one(lookup)), _true(other(lookup))]),
}


@cache
def _parsed(text: str) -> Formula:
    from lark.exceptions import UnexpectedInput, VisitError
    from lark.visitors import Transformer_NonRecursive

    class Functions(Transformer_NonRecursive):  # type: ignore[type-arg]
        """Each rule to its function."""

        def __default__(self, data: str, children: list[Any], meta: Any) -> Any:
            return _RULES[data](*children)

    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"has {len(text)} characters; at most {_MOST_CHARACTERS}")
    steps = len(re.findall(r"[-+*/<>=!(]|\b(?:and|or)\b", _REFERENCE.sub("", text)))
    if steps > _MOST_STEPS:
        raise ValueError(f"has {steps} steps; at most {_MOST_STEPS}")
    try:
        found: Formula = Functions().transform(_parser().parse(text))
    except UnexpectedInput as problem:
        token = getattr(problem, "token", None)
        ended = token is not None and token.type == "$END"
        what = "ends too early" if ended else f"{text[problem.pos_in_stream or 0 :][:20]!r} cannot stand there"
        raise ValueError(f"{what}; write numbers, {{LABEL.QUANTITY}}, + - * / < and {', '.join(_FUNCTIONS)}") from None
    except VisitError as problem:
        raise problem.orig_exc from None
    return found
