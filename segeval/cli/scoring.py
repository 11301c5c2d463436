"""The options of scoring, which `score`, `batch` and `check` share: parameters made of their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from segeval.settings.asking import options
from segeval.settings.option import Option

Scoring = Mapping[str, Any]
"""What the user answered, by option; not what nobody asked."""

_PARAMETER = "scoring"
_UNTOUCHED = ("DEFAULT", "DEFAULT_MAP")


def with_scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameter ``scoring`` is spelt out as one option per declaration, where it stands."""
    own = signature(command, eval_str=True).parameters
    asked = {name: _parameter(name, option) for name, option in options().items()}

    def spelt_out(ctx: typer.Context, **given: Any) -> Any:
        answers = {name: given.pop(name) for name in asked}
        touched = {
            n: v for n, v in answers.items() if getattr(ctx.get_parameter_source(n), "name", "") not in _UNTOUCHED
        }
        return command(**given, **{_PARAMETER: touched})

    parameters = [Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for name, parameter in own.items():
        parameters += asked.values() if name == _PARAMETER else [parameter.replace(kind=Parameter.KEYWORD_ONLY)]
    made: Any = spelt_out
    made.__name__, made.__doc__ = command.__name__, command.__doc__
    made.__signature__ = signature(command).replace(parameters=parameters)
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return spelt_out


def _parameter(name: str, option: Option) -> Parameter:
    asked = typer.Option(option.spelt(name), metavar=option.metavar, help=option.help, rich_help_panel=option.panel)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=option.default, annotation=Annotated[option.asks, asked])


def flags(scoring: Scoring) -> str:
    """The options that were answered, as the command line spells them."""
    return ", ".join(options()[name].spelt(name) for name in scoring)
