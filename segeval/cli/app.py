"""The command line, and the one place where an exception becomes words and an exit code.

0 done · 1 a gate failed · 2 usage · 3 cannot evaluate · 4 a bug in segeval · 130 Ctrl-C
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from segeval.cli.batch import batch
from segeval.cli.check import check
from segeval.cli.compare import compare
from segeval.cli.merge import merge
from segeval.cli.quantities import quantities
from segeval.cli.score import score
from segeval.errors import SegevalError
from segeval.printable import printable
from segeval.version import __version__

_BUG = 4
_INTERRUPTED = 130

app = typer.Typer(
    name="segeval",
    help="Evaluate image segmentations: overlap metrics and losses per label.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"segeval {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Evaluate image segmentations: overlap metrics and losses per label."""


app.command()(score)
app.command()(batch)
app.command()(merge)
app.command()(check)
app.command()(compare)
app.command()(quantities)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run segeval and return its exit code; messages are on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name may hold what the terminal cannot show
    try:
        code = app(list(sys.argv[1:] if arguments is None else arguments), prog_name="segeval", standalone_mode=False)
    except SegevalError as problem:
        return _say(str(problem), problem.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", _INTERRUPTED)
    except SystemExit:  # Typer's answer to a pipe that closed while it printed help
        return 0
    except Exception as problem:
        if hasattr(problem, "format_message") and hasattr(problem, "exit_code"):  # Typer's usage errors
            message = problem.format_message()  # empty where the help was just printed for want of a command
            return _say(f"{message} (see segeval --help)" if message else "", int(problem.exit_code))
        traceback.print_exc()
        return _say(f"this is a bug in segeval {__version__}; please report it with the lines above", _BUG)
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    if message:
        sys.stderr.write(f"segeval: {printable(message)}\n")
    return code
