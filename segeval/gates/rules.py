"""A report against rules: each gives one finding, expected against actual, with the cases behind a violation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.gates.grammar import EVERY, POOLED, Condition, Measure, Rule, number_text
from segeval.gates.pooled import pooled_value
from segeval.quantities import keys_named
from segeval.quantities.arithmetic import deviation, mean
from segeval.quantities.naming import did_you_mean
from segeval.quantities.quantity import QUANTITIES
from segeval.results.report import CaseResult, Report
from segeval.results.slices import Results
from segeval.results.verdict import Finding, Outcome
from segeval.words.lists import named
from segeval.words.nearest import suggestion

_NOTHING = "no case was evaluated"
_MOST_NAMES = 12
_NAN = math.nan
Worst = tuple[tuple[str, float], ...]


class _Values(Struct, frozen=True):
    """A measure in the evaluated cases, by name: those with a value, and those where it is undefined."""

    defined: tuple[tuple[str, float], ...]
    undefined: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.defined) + len(self.undefined)


class _Answer(Struct, frozen=True):
    """holds: None where the rule's value is undefined and may be."""

    holds: bool | None
    actual: str
    worst: Worst = ()


def check_rules(report: Report, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """A finding per rule, in their order. Raises UsageError for a label or a quantity that the report does not hold."""
    evaluated = evaluated_cases(report)
    results = Results.of(evaluated, [column.key for column in report.columns])
    names = [case.case for case in evaluated]

    def answer(rule: Rule) -> _Answer:
        if rule.measure is None:
            return _count(rule, report, evaluated)
        if rule.statistic == POOLED:
            return _pooled(rule, pooled_value(rule, _held_key(rule, rule.measure.quantity, report), report))
        return _answer(rule, _values(rule, rule.measure, report, results, names))

    return tuple(_finding(rule, answer(rule)) for rule in rules)


def evaluated_cases(report: Report) -> list[CaseResult]:
    """The cases that statistics are over, by name: scored ones, and missing ones that were scored as empty."""
    evaluated = (case for case in report.cases if case.status == "ok" or (case.status == "missing" and case.rows))
    return sorted(evaluated, key=lambda case: (case.case, case.prediction or "", case.reference or ""))


def needed_quantities(measures: Iterable[Measure], asked: Sequence[str] = ()) -> tuple[str, ...]:
    """What to score so that these can be told, each once. Raises UsageError for what cannot be computed.

    asked: the columns that are scored in any case; a sum has no other name.
    """
    return tuple(dict.fromkeys(_canonical(measure.quantity, "rules", asked) for measure in measures))


def _finding(rule: Rule, answer: _Answer) -> Finding:
    outcome: Outcome = "skipped" if answer.holds is None else "pass" if answer.holds else rule.level
    every = "every case " if rule.statistic == EVERY else ""
    return Finding(
        rule=rule.text or str(rule),
        level=rule.level,
        outcome=outcome,
        label="" if rule.measure is None else rule.measure.label,
        quantity="" if rule.measure is None else rule.measure.quantity,
        expected=f"{every}{rule.condition}",
        actual=answer.actual,
        worst=answer.worst if outcome == rule.level else (),
    )


# What the report holds


def _values(rule: Rule, measure: Measure, report: Report, results: Results, cases: Sequence[str]) -> _Values:
    key = _held_key(rule, measure.quantity, report)
    if not cases:
        return _Values((), ())
    label = _row_label(rule, measure.label, results)
    held = results.keys(label)
    if key not in held:
        raise UsageError(
            f"rule {rule}: the rows of {measure.label!r} have no {key!r}{suggestion(key, sorted(held))}; "
            f"they have {_listed(sorted(held))}"
        )
    pairs = list(zip(cases, results.values(label, [key])[:, 0].tolist(), strict=True))
    return _Values(
        tuple((case, value) for case, value in pairs if not math.isnan(value)),
        tuple(case for case, value in pairs if math.isnan(value)),
    )


def _canonical(text: str, where: str, held: Sequence[str] = ()) -> str:
    """The quantity as columns are called: ``focal:gamma=3.0`` is ``focal:gamma=3``."""
    if text not in held and text.partition(":")[0] not in QUANTITIES:
        nearest = did_you_mean(text, [*held, *QUANTITIES])
        raise UsageError(f"{where}: there is no quantity {text!r}{nearest}; `segeval quantities` lists all")
    try:
        return keys_named(text, held)[0]
    except UsageError as problem:
        raise UsageError(f"{where}: {str(problem).removeprefix('--metrics: ')}") from None


def _held_key(rule: Rule, text: str, report: Report) -> str:
    """The column that a rule speaks of."""
    held = [column.key for column in report.columns]
    key = _canonical(text, f"rule {rule}", held)
    if key not in held:
        raise UsageError(
            f"rule {rule}: the report holds no {key!r}{suggestion(key, held)}; it holds {_listed(held)}; "
            f"score again with --metrics …,{key}"
        )
    return key


def _row_label(rule: Rule, label: str, results: Results) -> int | str:
    """The row that a label's number or name stands for."""
    rows = results.names
    by_number = [key for key in rows if str(key) == label]
    named = by_number or [key for key, names in rows.items() if label in names]
    if len(named) == 1:
        return named[0]
    if named:
        numbers = " and ".join(str(key) for key in named)
        raise UsageError(f"rule {rule}: labels {numbers} are both called {label!r}; name one by its number")
    held = list(dict.fromkeys(text for key, names in rows.items() for text in (str(key), *sorted(names))))
    raise UsageError(
        f"rule {rule}: the report holds no label {label!r}{suggestion(label, held)}; it holds {_listed(held)}"
    )


def _listed(names: Sequence[str]) -> str:
    return named(names, _MOST_NAMES) or "nothing"


# What the rule says about it


def _count(rule: Rule, report: Report, evaluated: Sequence[CaseResult]) -> _Answer:
    """failed, missing or cases, whose worst cases are those counted, without a value."""
    if not report.cases:
        return _Answer(False, "the report has no case")
    status = {"failed": "error", "missing": "missing"}.get(rule.statistic)
    counted = evaluated if status is None else [case for case in report.cases if case.status == status]
    holds = rule.condition.holds(len(counted))
    behind = () if status is None else tuple((case.case, _NAN) for case in counted)
    return _Answer(holds, f"{len(counted)} of {len(report.cases)} cases", behind)


def _answer(rule: Rule, values: _Values) -> _Answer:
    if not values.total:
        return _Answer(False, _NOTHING)
    if rule.statistic == "undefined":
        count = len(values.undefined)
        behind = tuple((case, _NAN) for case in values.undefined)
        return _Answer(rule.condition.holds(count), f"{count} of {_cases(values.total)}", behind)
    if values.undefined and not rule.undefined_ok:
        return _undefined(rule, values)
    if not values.defined:
        return _Answer(None, f"undefined in all of {_cases(values.total)}")
    if rule.statistic == EVERY:
        return _every(rule, values)
    return _counted(rule, rule.counted, values) if rule.counted is not None else _statistic(rule, values)


def _undefined(rule: Rule, values: _Values) -> _Answer:
    """An undefined value fails, so that no case leaves a rule unseen."""
    behind = tuple((case, _NAN) for case in values.undefined)
    if rule.statistic == EVERY:
        behind = _violations(rule.condition, values) + behind
    where = f"undefined in {len(values.undefined)} of {_cases(values.total)}"
    return _Answer(False, f"{where}; ', undefined ok' leaves these out", behind)


def _every(rule: Rule, values: _Values) -> _Answer:
    violations = _violations(rule.condition, values)
    worst = _ranked(rule.condition, values.defined)[0][1]
    text = _value_text(worst, rule.condition)
    if values.total == 1:
        return _Answer(not violations, text, violations)
    if violations:
        return _Answer(False, f"{len(violations)} of {_cases(values.total)} not, worst {text}", violations)
    return _Answer(True, f"{_over(values)}, worst {text}")


def _pooled(rule: Rule, value: float) -> _Answer:
    if math.isnan(value):
        return _Answer(None if rule.undefined_ok else False, "undefined over all cases together")
    return _Answer(rule.condition.holds(value), f"{_value_text(value, rule.condition)} over all cases together")


def _counted(rule: Rule, counted: Condition, values: _Values) -> _Answer:
    """``count(dice < 0.5)``: too many, and the counted cases are behind it; too few, and the others are."""
    inside = [entry for entry in values.defined if counted.holds(entry[1])]
    too_few = rule.condition.holds(math.inf) or rule.condition.number > len(inside)
    if too_few:
        ranked = _ranked(counted, [entry for entry in values.defined if not counted.holds(entry[1])])
    else:
        ranked = _ranked(counted, inside)[::-1]  # the deepest inside first
    return _Answer(rule.condition.holds(len(inside)), f"{len(inside)} of {_over(values)}", tuple(ranked))


def _statistic(rule: Rule, values: _Values) -> _Answer:
    numbers = np.array([value for _, value in values.defined])
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(_formula(rule.statistic)(numbers))
    if not math.isfinite(value):
        holds = None if rule.undefined_ok else False
        return _Answer(holds, f"undefined over {_over(values)}")
    ranked = _ranked(rule.condition, values.defined)
    if rule.statistic == "sd":  # spread is made by the cases farthest out
        centre = float(numbers.mean())
        ranked = sorted(values.defined, key=lambda entry: (-abs(entry[1] - centre), entry[0]))
    text = _value_text(value, rule.condition)
    return _Answer(rule.condition.holds(value), f"{text} over {_over(values)}", tuple(ranked[:5]))


def _formula(statistic: str) -> Callable[[Floats], float]:
    if statistic.startswith("p"):
        share = float(statistic[1:])
        return lambda numbers: float(np.percentile(numbers, share))
    formulas: dict[str, Callable[[Floats], float]] = {
        "mean": mean,
        "median": lambda numbers: float(np.median(numbers)),
        "sd": deviation,
        "min": lambda numbers: float(numbers.min()),
        "max": lambda numbers: float(numbers.max()),
    }
    return formulas[statistic]


def _violations(condition: Condition, values: _Values) -> Worst:
    return tuple(entry for entry in _ranked(condition, values.defined) if not condition.holds(entry[1]))


def _ranked(condition: Condition, entries: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """The worst by the condition first, ties by name."""
    distance: Callable[[float], float] = {
        ">": lambda value: value,
        "<": lambda value: -value,
        "=": lambda value: -abs(value - condition.number),
        "!": lambda value: abs(value - condition.number),
    }[condition.operator[0]]
    return sorted(entries, key=lambda entry: (distance(entry[1]), entry[0]))


# Words


def _over(values: _Values) -> str:
    """``48 cases``, and how many were left out."""
    left_out = f" ({len(values.undefined)} undefined)" if values.undefined else ""
    return _cases(len(values.defined)) + left_out


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _value_text(value: float, condition: Condition) -> str:
    """Four digits, or as many as it takes to see on which side of the limit the value lies."""
    for digits in range(4, 17):
        text = f"{value:.{digits}g}"
        if all(_side(float(text), condition, sign) == _side(value, condition, sign) for sign in "<>"):
            return number_text(float(text))
    return number_text(value)


def _side(value: float, condition: Condition, sign: str) -> bool:
    return Condition(sign, condition.number).holds(value)
