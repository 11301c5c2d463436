"""The command line, and the one place where an exception becomes words and an exit code.

0 done · 1 a gate failed · 2 usage · 3 cannot evaluate · 4 a bug in segeval · 130 Ctrl-C
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from segeval.cli import audit
from segeval.cli.help import Command, Group
from segeval.cli.writing import print_text, tell
from segeval.errors import SegevalError
from segeval.files.remote import without_secrets
from segeval.version import __version__
from segeval.words.nearest import suggestion
from segeval.words.printable import printable

_USAGE = 2
_BUG = 4
_INTERRUPTED = 130

_COMMANDS = {
    "score": "Score a prediction against a reference: overlap and every loss, per label.",
    "batch": "Score a folder of predictions against a folder of references: every case, and a summary over them.",
    "report": "Write results as an HTML page: how good, on which labels, in which cases, and where it is wrong.",
    "merge": "Put the shards of a batch together: all cases, and the summary over them.",
    "check": "Check results against rules and a baseline. "
    "Exit 0: passed, 1: failed, 3: something could not be evaluated.",
    "compare": "Compare reports of the same cases with the first: differences, intervals, p-values, and ranks.",
    "inspect": "Say what a file holds: format, grid, kind, labels with names and voxels, remarks.",
    "formats": "List the formats that are read: endings, by which library, what is streamed, and what is missing.",
    "protocols": "List the procedures of challenges that --protocol knows, explain one, or check a file of one's own.",
    "quantities": "List quantities by group, or explain some: formula, direction, when undefined, settings, source.",
    "schema": "Print the JSON Schema of a document that segeval writes, or list them.",
    "completion": "Complete commands, options and names in bash, zsh or fish: print the script, "
    "or set it up with --install.",
}
"""Each is a module of this package with a function of its name, whose docstring this is, in the order of the help."""


class _CommandsOnDemand(Group):
    """Imports the command that is run: building the options of all takes as long as scoring a small case."""

    def __init__(self, **settings: Any) -> None:
        named = {name: Command(name, help=words) for name, words in _COMMANDS.items()}
        super().__init__(**{**settings, "commands": named})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Typer's answer, with the command itself in place of its name and its line in the help."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, _built(str(name)), rest


def _built(name: str) -> Any:
    alone = typer.Typer(add_completion=False)
    alone.command(cls=Command)(getattr(import_module(f"segeval.cli.{name}"), name))
    return get_command(alone)


app = typer.Typer(
    name="segeval",
    cls=_CommandsOnDemand,
    help="Evaluate image segmentations: overlap metrics and losses per label.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"segeval {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Evaluate image segmentations: overlap metrics and losses per label."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run segeval and return its exit code; messages are on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name may hold what the terminal cannot show
    given = list(sys.argv[1:] if arguments is None else arguments)
    audit.command_line[:] = map(without_secrets, given)
    try:
        code = app(given or ["--help"], prog_name="segeval", standalone_mode=False)
    except SegevalError as problem:
        return _say(str(problem), problem.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", _INTERRUPTED)
    except Exception as problem:
        if hasattr(problem, "format_message") and hasattr(problem, "exit_code"):  # Typer's usage errors
            return _say(_usage_words(problem), int(problem.exit_code))
        tell(traceback.format_exc())
        return _say(f"this is a bug in segeval {__version__}; please report it with the lines above", _BUG)
    if code == _INTERRUPTED:  # Typer's answer to Ctrl-C
        return _say("interrupted", _INTERRUPTED)
    if not given:
        return _USAGE
    return code if isinstance(code, int) else 0


def _usage_words(problem: Any) -> str:
    """Typer's words about a usage error, what was meant where a word is none of an option's, and where to look."""
    choices = getattr(getattr(getattr(problem, "param", None), "type", None), "choices", ())
    given = re.match(r"'(.*)' is not one of ", str(problem.message)) if choices else None
    near = "" if given is None else suggestion(given[1], map(str, choices), 1)
    command = getattr(getattr(problem, "ctx", None), "command_path", "segeval")
    return f"{problem.format_message().rstrip('.')}{near} (see {command} --help)"


def _say(message: str, code: int) -> int:
    tell(f"segeval: {printable(message)}\n")
    return code
