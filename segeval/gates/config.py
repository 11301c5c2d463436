"""What a gate asks for: read from ``segeval.toml`` or ``pyproject.toml``, and overridden by the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from segeval.errors import UnreadableFile, UsageError
from segeval.files.paths import exists, is_file, require_possible
from segeval.gates.grammar import Measure, Rule, parse_measure, parse_rule
from segeval.readers import read_bounded
from segeval.settings.asking import beside, literals, options
from segeval.words.nearest import suggestion
from segeval.words.printable import quoted, shortened

ALLOWED_CHANGES = ("labels", "cases")

_FILE, _PYPROJECT = "segeval.toml", "pyproject.toml"
_MOST_BYTES = 16 << 20


class GateSettings(Struct, frozen=True):
    """Rules, and how to compare with a baseline.

    max_drop, max_case_drop: by quantity, the tolerance as text, ``0.01`` or ``1%``.
    tolerate_errors: so many cases may fail to be evaluated.
    scoring: the options of scoring, by name, for folders that have yet to be scored.
    """

    rules: tuple[Rule, ...] = ()
    baseline: Path | None = None
    max_drop: Mapping[str, str] = field(default_factory=dict)
    max_case_drop: Mapping[str, str] = field(default_factory=dict)
    significant: bool = False
    tolerate_errors: int = 0
    allow_changed: frozenset[str] = frozenset()
    scoring: Mapping[str, Any] = field(default_factory=dict)

    def overridden(
        self,
        rules: Sequence[Rule],
        max_drop: Mapping[str, str],
        max_case_drop: Mapping[str, str],
        scoring: Mapping[str, Any],
        **options: Any,
    ) -> GateSettings:
        """With these rules added, these tolerances and answers over its own, and what else is not None."""
        return replace(
            self,
            rules=(*self.rules, *rules),
            max_drop={**self.max_drop, **max_drop},
            max_case_drop={**self.max_case_drop, **max_case_drop},
            scoring={**self.scoring, **scoring},
            **{name: value for name, value in options.items() if value is not None},
        )

    def measures(self) -> list[Measure]:
        """What rules and tolerances speak of, as far as it can be read."""
        found = [rule.measure for rule in self.rules if rule.measure is not None]
        for key in (*self.max_drop, *self.max_case_drop):
            with suppress(UsageError):  # the comparison says what is wrong with it
                found.append(parse_measure(key))
        return found


def default_config() -> Path | None:
    """segeval.toml or pyproject.toml in the current folder, where there is one, be it no file or a link to nowhere."""
    return next((path for path in map(Path, (_FILE, _PYPROJECT)) if exists(path) or path.is_symlink()), None)


def shadowed_config() -> Path | None:
    """The pyproject.toml whose rules are not read, because a segeval.toml stands beside it."""
    used, other = default_config(), Path(_PYPROJECT)
    if used is None or used == other or not is_file(other):
        return None
    with suppress(UnreadableFile, ValueError, RecursionError, KeyError, TypeError):  # another tool's trouble
        tools = tomllib.loads(read_bounded(other, _MOST_BYTES).decode("utf-8"))["tool"]
        return other if tools["segeval"] else None
    return None


def read_config(path: Path | None = None) -> GateSettings:
    """The settings of this file, else of the default one, else none. Raises UsageError."""
    found = default_config() if path is None else path
    return GateSettings() if found is None else _settings(found, _table(found))


def parse_changes(text: str) -> frozenset[str]:
    """``labels,cases``. Raises UsageError."""
    return _changes("--allow-changed", [part.strip() for part in text.split(",")])


def _table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(read_bounded(path, _MOST_BYTES).decode("utf-8"))
    except UnreadableFile as problem:
        raise UsageError(f"the configuration cannot be read: {problem}") from None
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path}: is no TOML ({shortened(problem)}); correct it") from None
    where = ""
    if path.name == _PYPROJECT:
        document = _sub_table(path, _sub_table(path, document, "tool", ""), "segeval", "tool.")
        where = "tool.segeval."
    _require_known(path, where, document, ("check",))
    return _sub_table(path, document, "check", where)


def _sub_table(path: Path, document: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {where}{key} is no table; write [{where}{key}]")
    return table


def _settings(path: Path, table: Mapping[str, Any]) -> GateSettings:
    _require_known(path, "check.", table, _KEYS)
    read: dict[str, Any] = {}
    for key, value in table.items():
        words, convert = _KEYS[key]
        try:
            read[key] = convert(value)
        except (TypeError, ValueError):
            raise UsageError(f"{path}: {key} = {quoted(value)}; write {words}") from None
        except UsageError as problem:
            raise UsageError(f"{path}: {problem}") from None
    rules = (*read.pop("require", ()), *read.pop("warn", ()))
    if "scoring" in read:
        read["scoring"] = beside(path.parent, read["scoring"])
    if "baseline" in read:
        read["baseline"] = path.parent / read["baseline"]
        require_possible(f"{path}: baseline", read["baseline"])
    return GateSettings(rules=rules, **read)


def _require_known(path: Path, where: str, table: Mapping[str, Any], known: Sequence[str] | Mapping[str, Any]) -> None:
    for key in table:
        if key not in known:
            near = suggestion(key, known, 2)
            raise UsageError(f"{path}: there is no setting {where}{key}{near}; known are {', '.join(known)}")


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _tolerances(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or any(
        isinstance(v, bool) or not isinstance(v, (str, int, float)) for v in value.values()
    ):
        raise TypeError
    return {key: str(amount) for key, amount in value.items()}


def _changes(name: str, value: Any) -> frozenset[str]:
    wanted = _texts(value)
    if unknown := [word for word in wanted if word not in ALLOWED_CHANGES]:
        raise UsageError(
            f"{name}: {unknown[0]!r} is none of {' and '.join(ALLOWED_CHANGES)}; write labels, cases or both"
        )
    return frozenset(wanted)


def _scoring(value: Any) -> dict[str, Any]:
    """Options of scoring by name; what texts, lists and tables hold is looked at when it is used."""
    if not isinstance(value, dict):
        raise TypeError
    answers = {name.replace("-", "_"): answer for name, answer in value.items()}
    for name, answer in answers.items():
        if name not in options():
            raise UsageError(f"scoring: there is no option {name}{suggestion(name, options(), 1)}")
        asks = options()[name].asks
        if str in get_args(asks) or asks in (str, list[str]) or list[str] in get_args(asks):
            continue
        try:
            msgspec.convert(answer, asks)
        except msgspec.ValidationError as problem:
            choices = [word for word in literals(asks) if isinstance(word, str)]
            raise UsageError(
                f"scoring.{name} = {quoted(answer)}: " + (f"write {' or '.join(choices)}" if choices else str(problem))
            ) from None
    return answers


_KEYS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "require": ("a list of rules", lambda value: [parse_rule(text) for text in _texts(value)]),
    "warn": ("a list of rules", lambda value: [parse_rule(text, "warn") for text in _texts(value)]),
    "baseline": ("the path of a baseline", lambda value: Path(_text(value))),
    "max_drop": ('a table like {dice = "0.01"}', _tolerances),
    "max_case_drop": ('a table like {dice = "0.05"}', _tolerances),
    "significant": ("true or false", _switch),
    "tolerate_errors": ("a whole number of at least 0", _whole),
    "scoring": ('a table of the options of segeval score, like {geometry = "ignore"}', _scoring),
    "allow_changed": ('a list like ["labels", "cases"]', lambda value: _changes("allow_changed", value)),
}
"""What each key is, in words, and what reads it; TypeError means it is something else."""
