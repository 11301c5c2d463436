"""The options of scoring, which `score`, `batch` and `check` share: parameters made of their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from segeval.cli.spread import spread
from segeval.settings.asking import options
from segeval.settings.option import Option

Scoring = Mapping[str, Any]
"""What the user answered, by option; not what nobody asked."""

READING = ("labels", "drawn_on", "key", "level", "palette")
"""What `inspect` asks for: whatever of a file its own words leave open."""

_UNTOUCHED = ("DEFAULT", "DEFAULT_MAP")


def with_scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameter ``scoring`` is spelt out as one option per declaration, where it stands."""
    return spread(command, "scoring", {name: _parameter(name, option) for name, option in options().items()}, _touched)


def with_reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameter ``reading`` stands for the options that say what one file holds."""
    known = options()
    return spread(command, "reading", {name: _parameter(name, known[name]) for name in READING}, _touched)


def _touched(ctx: typer.Context, answers: Mapping[str, Any]) -> Scoring:
    return {n: v for n, v in answers.items() if getattr(ctx.get_parameter_source(n), "name", "") not in _UNTOUCHED}


def _parameter(name: str, option: Option) -> Parameter:
    asked = typer.Option(option.spelt(name), metavar=option.metavar, help=option.help, rich_help_panel=option.panel)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=option.default, annotation=Annotated[option.asks, asked])


def named_files(scoring: Scoring) -> list[Path]:
    """What was answered where a file may be named: no output may be written over it."""
    return [Path(scoring[name]) for name, option in options().items() if option.is_path and scoring.get(name)]


def flags(scoring: Scoring) -> str:
    """The options that were answered, as the command line spells them."""
    return ", ".join(options()[name].spelt(name) for name in scoring)
