"""Rules as text: ``mean(liver.dice) >= 0.9``. A parser reads them; nothing is evaluated as code."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from segeval.choices import COUNTERS
from segeval.errors import UsageError
from segeval.results.report import MEAN
from segeval.results.verdict import Level
from segeval.words.nearest import nearest

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput

GRAMMAR = r"""
rule: (call | measure) OPERATOR NUMBER ["," UNDEFINED_OK]
call: (WORD | PERCENTILE) "(" measure [OPERATOR NUMBER] ")"
measure: WORD | (WORD | INTEGER | QUOTED) "." WORD

PERCENTILE.2: /p\d+(\.\d+)?(?=\s*\()/
WORD: /[^\W\d][\w-]*(:\w+=[\w.+-]+)*/
INTEGER: /-?\d+/
QUOTED: /"([^"\\]|\\["\\])*"/
OPERATOR: />=|<=|==|!=|>|</
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?%?/
UNDEFINED_OK: /undefined\s+ok\b/
%ignore /\s+/
"""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
POOLED = "pooled"
"""The statistic that is the value in the pooled row: of all cases together."""
STATISTICS = ("mean", "median", "sd", "min", "max", "count", "undefined", POOLED)
EVERY = "every"
"""The statistic of a rule that names none: each case must hold."""

_MOST_CHARACTERS = 1000
_WORDS = {
    "OPERATOR": ">=, >, <=, <, == or !=",
    "NUMBER": "a number",
    "WORD": "a name",
    "INTEGER": "a label",
    "QUOTED": 'a quoted "name"',
    "PERCENTILE": "a statistic",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "DOT": ".",
    "UNDEFINED_OK": "undefined ok",
    "$END": "the end",
}


class Condition(Struct, frozen=True):
    """``>= 0.9``."""

    operator: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether the value, which is not NaN, is as it should be."""
        return OPERATORS[self.operator](value, self.number)

    def __str__(self) -> str:
        return f"{self.operator} {number_text(self.number)}"


class Measure(Struct, frozen=True):
    """A quantity of a row: ``liver.dice``; label ``mean`` where none is named."""

    label: str
    quantity: str

    def __str__(self) -> str:
        return self.quantity if self.label == MEAN else f"{_label_text(self.label)}.{self.quantity}"


class Rule(Struct, frozen=True):
    """What must hold.

    statistic: ``every``, one of STATISTICS or COUNTERS, or a percentile like ``p97.5``.
    measure: of what; None for a counter. counted: the condition inside ``count(…)``.
    undefined_ok: undefined values are left out instead of failing the rule.
    text: as the user wrote it; ``str()`` gives the canonical text.
    """

    statistic: str
    measure: Measure | None
    condition: Condition
    counted: Condition | None = None
    undefined_ok: bool = False
    level: Level = "fail"
    text: str = ""

    def __str__(self) -> str:
        subject = self.statistic if self.measure is None else str(self.measure)
        if self.counted is not None:
            subject += f" {self.counted}"
        if self.measure is not None and self.statistic != EVERY:
            subject = f"{self.statistic}({subject})"
        return f"{subject} {self.condition}" + (", undefined ok" if self.undefined_ok else "")


def parse_rule(text: str, level: Level = "fail") -> Rule:
    """The rule that this text states. Raises UsageError with the column of the problem."""
    tree = _parsed(text, "rule")
    subject, sign, number, undefined_ok = _parts(tree)
    condition = Condition(str(sign), _number(text, number))
    statistic, measure, counted = (_call if subject.data == "call" else _uncalled)(text, subject)
    if undefined_ok is not None and (measure is None or statistic == "undefined"):
        raise _problem(text, undefined_ok, f"{statistic} counts, and is never undefined; leave 'undefined ok' out")
    return Rule(statistic, measure, condition, counted, undefined_ok is not None, level, text.strip())


def parse_measure(text: str) -> Measure:
    """``dice``, ``liver.dice`` or ``"left kidney".dice``. Raises UsageError."""
    return _measure(text, _parsed(text, "measure"))


def number_text(value: float) -> str:
    """Short and exact: ``0.5``, ``3``."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start=["rule", "measure"], maybe_placeholders=True)


def _parsed(text: str, start: str) -> Tree[Any]:
    from lark.exceptions import UnexpectedInput

    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"rule {text[:40]!r}…: has {len(text)} characters; at most {_MOST_CHARACTERS} are read")
    try:
        return _parser().parse(text, start=start)
    except UnexpectedInput as problem:
        raise _unexpected(text, problem) from None


def _parts(tree: Tree[Any]) -> list[Any]:
    """Tokens, trees, and None where something optional is not there."""
    return tree.children


def _unexpected(text: str, problem: UnexpectedInput) -> UsageError:
    token = getattr(problem, "token", None)
    ended = token is not None and token.type == "$END"
    place = len(text) if ended else problem.pos_in_stream or 0
    names = getattr(problem, "accepts", None) or getattr(problem, "expected", None) or getattr(problem, "allowed", ())
    expected = sorted({_WORDS.get(name, name) for name in names or ()})
    found = re.match(r"[=<>≤≥!]+|\w+|.", text[place:], re.DOTALL)
    what = "it ends too early" if found is None else f"{found[0]!r} cannot stand here"
    hint = ""
    if found is not None and found[0] in ("=", "=>", "=<", "≤", "≥", "<>"):
        hint = "; the operators are >=, >, <=, <, == and !="
    elif found is not None and place and text[place - 1].isdigit() and found[0][0].isalpha():
        hint = "; quote a name that begins with a digit"
    return _refused(text, place, f"{what}; expected {' or '.join(expected)}{hint}")


def _call(text: str, tree: Tree[Any]) -> tuple[str, Measure | None, Condition | None]:
    name, inner, sign, number = _parts(tree)
    statistic = _percentile(text, name) if name.type == "PERCENTILE" else str(name)
    if name.type != "PERCENTILE" and statistic not in STATISTICS:
        known = nearest(statistic, STATISTICS) or [*STATISTICS, "p5 (any percentile)"]
        raise _problem(text, name, f"there is no statistic {statistic!r}; write {' or '.join(known)}")
    if statistic == "count" and sign is None:
        raise _problem(text, name, "count counts cases that meet a condition; write it inside: count(dice < 0.5) <= 2")
    if statistic != "count" and sign is not None:
        raise _problem(text, sign, f"only count takes a condition inside; write {statistic}(…) {sign} {number}")
    counted = None if sign is None else Condition(str(sign), _number(text, number))
    return statistic, _measure(text, inner), counted


def _uncalled(text: str, tree: Tree[Any]) -> tuple[str, Measure | None, Condition | None]:
    """A counter, or a quantity that every case must hold."""
    parts = _parts(tree)
    first = parts[0]
    if len(parts) == 1 and first in COUNTERS:
        return str(first), None, None
    if len(parts) == 1 and first in STATISTICS:
        example = "count(dice < 0.5)" if first == "count" else f"{first}(dice)"
        raise _problem(text, first, f"{first} is a statistic of something; write {example}")
    return EVERY, _measure(text, tree), None


def _measure(text: str, tree: Tree[Any]) -> Measure:
    parts = _parts(tree)
    if len(parts) == 1:
        return Measure(MEAN, str(parts[0]))
    label, quantity = parts
    if label.type == "QUOTED":
        name = re.sub(r"\\(.)", r"\1", label[1:-1], flags=re.DOTALL)
        if not name:
            raise _problem(text, label, "a label has a name; write it between the quotes")
    elif ":" in label:
        raise _problem(text, label, "a label has no settings; write LABEL.QUANTITY:KEY=VALUE")
    else:
        name = str(int(label)) if label.type == "INTEGER" else str(label)
    return Measure(name, str(quantity))


def _percentile(text: str, token: Token) -> str:
    share = float(token[1:])
    if share > 100:
        raise _problem(text, token, f"there is no percentile {token[1:]}; write p0 to p100")
    return f"p{number_text(share)}"


def _number(text: str, token: Token) -> float:
    """Percent are hundredths, moved in the text so that 85% is exactly 0.85."""
    if token.endswith("%"):
        mantissa, _, exponent = token[:-1].lower().partition("e")
        value = float(f"{mantissa}e{int(exponent or 0) - 2}")
    else:
        value = float(token)
    if not math.isfinite(value):
        raise _problem(text, token, f"{token} is larger than any value; write a number like 0.9")
    return value + 0.0  # -0.0 is 0


def _label_text(label: str) -> str:
    bare = re.fullmatch(r"[^\W\d][\w-]*", label) or (re.fullmatch(r"-?[0-9]+", label) and str(int(label)) == label)
    return label if bare else '"' + re.sub(r'(["\\])', r"\\\1", label) + '"'


def _problem(text: str, token: Token, words: str) -> UsageError:
    return _refused(text, token.start_pos or 0, words)


def _refused(text: str, place: int, words: str) -> UsageError:
    return UsageError(f"rule {text!r}, column {place + 1}: {words}")
