"""Help: Rich's on a terminal, and elsewhere as text alone under the same headings.

Rich and what Typer draws with it take 70 ms to load; a pipe or a file needs nothing of it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from segeval.cli.writing import to_stdout
from segeval.files.paths import require_possible, require_text
from segeval.words.colours import may_have_colours


class _PlainWherePiped:
    rich_markup_mode: Any

    def get_help_option(self, ctx: Any) -> Any:
        """Typer's, printed as results are: into a closed pipe, on a full disk, without a stdout."""
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of the class beside this one
        option.callback = _print_help
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if not may_have_colours():
            self.rich_markup_mode = None
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """What Typer's plain help leaves out: the options' panels."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):  # type: ignore[attr-defined]
            if (line := parameter.get_help_record(ctx)) is not None:
                default = "Arguments" if parameter.param_type_name == "argument" else "Options"
                panels.setdefault(parameter.rich_help_panel or default, []).append(line)
        for name, lines in panels.items():
            if lines:
                with formatter.section(name):
                    formatter.write_dl(lines)


def _print_help(ctx: Any, _: Any, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        with to_stdout():
            sys.stdout.write(f"{ctx.get_help()}\n")  # an empty line under what Rich has printed itself
            sys.stdout.flush()
        ctx.exit()


class Command(_PlainWherePiped, TyperCommand):
    """A command of segeval."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Typer's, which looks at what is a path. Raises UsageError for what can be none."""
        given = list(args)  # which are taken away one by one
        try:
            return list(super().parse_args(ctx, args))
        except ValueError:
            for text in given:
                require_text(text)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run it, unless an option names a file that cannot exist. Raises UsageError."""
        for parameter in self.params:
            if parameter.type.name == "path" and (value := ctx.params.get(parameter.name)):
                option = parameter.param_type_name == "option"
                where = parameter.opts[0] if option else str(parameter.make_metavar(ctx))
                for path in [value] if isinstance(value, (str, Path)) else value:
                    require_possible(where, Path(path))
        return super().invoke(ctx)


class Group(_PlainWherePiped, TyperGroup):
    """segeval itself."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """And what it cuts short: the commands' lines."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.commands.items()])
