"""Commands that share options: one parameter of the function stands for many of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

import typer

_CONTEXT = "ctx"


def spread(
    command: Callable[..., Any],
    name: str,
    parameters: Mapping[str, Parameter],
    gather: Callable[[typer.Context, Mapping[str, Any]], Any],
) -> Callable[..., Any]:
    """The command with these parameters where its parameter ``name`` stands, which is what ``gather`` makes of their
    answers. May be done again for another parameter.
    """
    own = signature(command, eval_str=True).parameters
    wants_context = _CONTEXT in own

    def spelt_out(ctx: typer.Context, **given: Any) -> Any:
        answers = {each: given.pop(each) for each in parameters}
        context = {_CONTEXT: ctx} if wants_context else {}
        return command(**context, **given, **{name: gather(ctx, answers)})

    listed = [Parameter(_CONTEXT, Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for each, parameter in own.items():
        if each != _CONTEXT:
            listed += parameters.values() if each == name else [parameter.replace(kind=Parameter.KEYWORD_ONLY)]
    made: Any = spelt_out
    made.__name__, made.__doc__ = command.__name__, command.__doc__
    made.__signature__ = signature(command).replace(parameters=listed)
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in listed}
    return spelt_out
