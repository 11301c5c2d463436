"""Sums of quantities with a name: ``dice_ce=soft_dice:power=1 + ce``.

A parser reads them; nothing is evaluated as code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from segeval.choices import COUNTERS, EVERY_GROUP, GROUPS
from segeval.errors import UsageError
from segeval.quantities.quantity import QUANTITIES, Quantity
from segeval.quantities.selected import Selection, Sum, linear_text
from segeval.results.columns import ROW_KEYS
from segeval.words.printable import shortened

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

GRAMMAR = r"""
?sum: product | sum "+" product -> add | sum "-" product -> subtract
?product: factor | product "*" factor -> multiply
?factor: NUMBER -> number | QUANTITY -> quantity | "-" factor -> negative | "(" sum ")"

QUANTITY: /[^\W\d]\w*(:\w+(=((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[^\W\d]\w*))?)*/i
NUMBER: /(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i
%ignore /\s+/
"""

_NAME = re.compile(r"[^\W\d]\w*")
_TAKEN = frozenset((*ROW_KEYS, *COUNTERS))
_MOST_CHARACTERS = 1000


class Linear(Struct, frozen=True):
    """A constant and factors by the canonical texts of quantities."""

    constant: float
    factors: Mapping[str, float]

    def plus(self, other: Linear) -> Linear:
        """The sum of both."""
        factors = dict(self.factors)
        for key, factor in other.factors.items():
            factors[key] = factors.get(key, 0.0) + factor
        return Linear(self.constant + other.constant, factors)

    def times(self, number: float) -> Linear:
        """Every number multiplied."""
        return Linear(number * self.constant, {key: number * factor for key, factor in self.factors.items()})


Resolve = Callable[[str], Selection]
"""The quantity or the sum that a name with settings stands for. Raises UsageError."""


def definition(item: str) -> tuple[str, str] | None:
    """(Name, expression) of an item of ``--metrics`` that defines a sum, else None; a setting's = is behind a colon.

    Raises UsageError for what cannot be a name.
    """
    if "=" not in item.partition(":")[0]:
        return None
    name, _, expression = (part.strip() for part in item.partition("="))
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--metrics: {shortened(repr(name), 60)} cannot be the name of a sum; write letters, digits and _, no "
            "digit first, like dice_ce=soft_dice + ce"
        )
    return name, expression


def sum_of(name: str, text: str, resolve: Resolve) -> Sum:
    """The sum that a definition states. Raises UsageError."""
    if name in _TAKEN:
        raise UsageError(
            f"--metrics: {name!r} has a meaning of its own in the outputs or in rules; give the sum {text!r} another "
            f"name than {', '.join(sorted(_TAKEN))}"
        )
    if name in (*QUANTITIES, *GROUPS, EVERY_GROUP):
        raise UsageError(f"--metrics: {name!r} is a quantity or a group; give the sum {text!r} another name")
    terms: dict[str, Selection] = {}

    def named(key: str) -> Linear:
        selection = resolve(key)
        if isinstance(selection, Sum):
            terms.update((term.key, term) for _, term in selection.terms)
            return Linear(selection.constant, {term.key: factor for factor, term in selection.terms})
        terms[selection.key] = selection
        return Linear(0.0, {selection.key: 1.0})

    found = _parsed(name, text, named)
    numbers = [found.constant, *found.factors.values()]
    if not all(map(math.isfinite, numbers)):
        raise UsageError(f"--metrics: {name}={text}: its numbers are too large")
    weighed = tuple((factor, terms[key]) for key, factor in found.factors.items() if factor)
    if not weighed:
        raise UsageError(f"--metrics: {name}={text}: is a sum of no quantity; write one, like {name}=soft_dice + ce")
    return Sum(_described(name, text, found.constant, weighed), {}, constant=found.constant, terms=weighed)


class Sums:
    """The sums that a text defines, each read when it is asked for."""

    def __init__(self, items: Iterable[str], selections: Callable[[str], Sequence[Selection]]) -> None:
        """selections: what an item that is no sum names."""
        self._selections = selections
        self._texts: dict[str, str] = {}
        self._found: dict[str, Sum] = {}
        self._open: list[str] = []
        for name, expression in filter(None, map(definition, items)):
            if self._texts.setdefault(name, expression) != expression:
                raise UsageError(f"--metrics: {name!r} is two sums, {self._texts[name]!r} and {expression!r}")

    def named(self, item: str) -> Sum | None:
        """The sum that an item defines or names; None where it does neither."""
        name = (definition(item) or (item, ""))[0]
        if name not in self._texts:
            return None
        if name in self._open:
            raise UsageError(f"--metrics: {' = '.join([*self._open, name])}: is a sum of itself")
        if name not in self._found:
            self._open.append(name)
            self._found[name] = sum_of(name, self._texts[name], self._resolved)
            self._open.pop()
        return self._found[name]

    def _resolved(self, item: str) -> Selection:
        found = self.named(item)
        if found is not None:
            return found
        selections = self._selections(item)
        if len(selections) > 1:
            raise UsageError(f"--metrics: {self._open[-1]}: {item} is a group; a sum is of quantities")
        return selections[0]


def _described(name: str, text: str, constant: float, terms: tuple[tuple[float, Selection], ...]) -> Quantity:
    """What the outputs need to know of the sum: it follows from its terms."""
    quantities = [term.quantity for _, term in terms]
    if len({quantity.of_all_alone for quantity in quantities}) > 1:
        raise UsageError(f"--metrics: {name}={text}: adds what labels have to what the row all alone has")
    ends = [
        (factor * q.best, factor * q.worst)
        for (factor, _), q in zip(terms, quantities, strict=True)
        if q.best is not None and q.worst is not None
    ]
    alike = len(ends) == len(terms) and len({best > worst for best, worst in ends}) == 1
    best, worst = (constant + sum(end[side] for end in ends) if alike else None for side in (0, 1))
    first = quantities[0]
    groups = {quantity.group for quantity in quantities}
    return Quantity(
        name=name,
        group="losses" if groups <= {"losses", "more_losses", "map_losses"} else first.group,
        record=first.record,
        formula=_no_formula,
        over_all=_no_formula if all(quantity.over_all is not None for quantity in quantities) else None,
        without_label_map=all(quantity.without_label_map for quantity in quantities),
        settings={},
        text=linear_text(constant, terms),
        undefined="a term is",
        source="",
        best=best,
        worst=worst,
        is_count=False,
        fills_empty=any(quantity.fills_empty for quantity in quantities),
        needs_every_value=any(quantity.needs_every_value for quantity in quantities),
        synonyms={},
        title=name,
        main=True,
        power_sum=None,
        of_all_alone=first.of_all_alone,
    )


def _no_formula(*_: Any, **__: Any) -> Any:
    raise TypeError("a sum is computed from its terms")


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start="sum")


def _parsed(name: str, text: str, named: Callable[[str], Linear]) -> Linear:
    from lark.exceptions import UnexpectedInput, VisitError
    from lark.visitors import Transformer_NonRecursive

    def multiplied(first: Linear, second: Linear) -> Linear:
        if first.factors and second.factors:
            raise UsageError(f"--metrics: {name}={text}: multiplies two quantities; only numbers multiply")
        return second.times(first.constant) if second.factors else first.times(second.constant)

    rules: Mapping[str, Callable[..., Linear]] = {
        "number": lambda token: Linear(float(token), {}),
        "quantity": lambda token: named(str(token)),
        "negative": lambda value: value.times(-1.0),
        "add": Linear.plus,
        "subtract": lambda first, second: first.plus(second.times(-1.0)),
        "multiply": multiplied,
    }

    class Values(Transformer_NonRecursive):  # type: ignore[type-arg]
        """Each rule to its value."""

        def __default__(self, data: str, children: list[Any], meta: Any) -> Any:
            return rules[data](*children)

    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"--metrics: {name}={text[:40]}…: has {len(text)} characters; at most {_MOST_CHARACTERS}")
    try:
        found: Linear = Values().transform(_parser().parse(text))
    except UnexpectedInput as problem:
        raise _unexpected(name, text, problem) from None
    except VisitError as problem:
        raise problem.orig_exc from None
    return found


def _unexpected(name: str, text: str, problem: UnexpectedInput) -> UsageError:
    token = getattr(problem, "token", None)
    ended = token is not None and token.type == "$END"
    match = re.match(r"\w+|.", "" if ended else text[problem.pos_in_stream or 0 :], re.DOTALL)
    what = "it ends too early" if match is None else f"{match[0]!r} cannot stand here"
    return UsageError(
        f"--metrics: {name}={text}: {what}; write numbers, quantities with settings, + - * and parentheses"
    )
