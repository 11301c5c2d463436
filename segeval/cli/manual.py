"""The manual's pages, made of the commands' own help: ``python -m segeval.cli.manual FOLDER`` writes them.

They lie in ``man/``, from where the wheel installs them, so that ``man segeval`` and ``man segeval-score`` find them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from segeval.cli.app import _COMMANDS, _built, app
from segeval.errors import SegevalError
from segeval.version import DATE, __version__

_EXITS = (
    ("0", "Done."),
    ("1", "A gate failed."),
    ("2", "Usage: the command line is wrong."),
    ("3", "Something could not be evaluated."),
    ("4", "A bug in segeval."),
    ("130", "Interrupted."),
)
Term = tuple[str, str]


def pages() -> dict[str, str]:
    """The pages by name: segeval.1, and segeval-COMMAND.1 of each."""
    made = {"segeval.1": _main_page()}
    for name in _COMMANDS:
        made[f"segeval-{name}.1"] = _page(name)
    return made


def _main_page() -> str:
    group = get_command(app)
    help_ = _first_line(group.help or "")
    return _joined(
        _head("segeval", help_),
        _section("SYNOPSIS", [r"\fBsegeval\fR [\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]"]),
        _section(
            "DESCRIPTION", [*_paragraphs(help_), ".PP", "Each command has a page of its own: segeval\\-COMMAND(1)."]
        ),
        _section("COMMANDS", _terms(_COMMANDS.items())),
        _section("OPTIONS", _terms(records(group)["Options"])),
        _section("EXIT STATUS", _terms(_EXITS)),
        _see_also(f"segeval-{name}" for name in _COMMANDS),
    )


def _page(name: str) -> str:
    command = _built(name)
    context = command.make_context(name, [], resilient_parsing=True)
    words = [word.strip("{}") for word in command.collect_usage_pieces(context)]  # the braces of what must be given
    found = records(command)
    return _joined(
        _head(f"segeval-{name}", _COMMANDS[name]),
        _section("SYNOPSIS", [f"\\fBsegeval {name}\\fR {_escaped(' '.join(words))}"]),
        _section("DESCRIPTION", _paragraphs(command.help)),
        *(_section(panel.upper(), _terms(lines)) for panel, lines in found.items() if lines),
        _section("EXIT STATUS", _terms(_EXITS)),
        _see_also(["segeval"]),
    )


def records(command: Any) -> dict[str, list[Term]]:
    """Spelling and help of each parameter, under the heading that the help has for it."""
    context = command.make_context("", [], resilient_parsing=True)
    panels: dict[str, list[Term]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(context):
        if (line := parameter.get_help_record(context)) is not None:
            plain = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(parameter.rich_help_panel or plain, []).append(line)
    panels["Options"] = panels.pop("Options")  # what every command has comes last
    return panels


def _head(title: str, line: str) -> list[str]:
    return [
        f'.TH "{title.upper()}" "1" "{DATE}" "segeval {__version__}" "Image segmentation"',
        ".SH NAME",
        f"{_escaped(title)} \\- {_escaped(_first_line(line).rstrip('.'))}",
    ]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [f".SH {title}", *lines]


def _terms(terms: Iterable[Term]) -> Iterator[str]:
    for term, text in terms:
        yield ".TP"
        yield f"\\fB{_escaped(term)}\\fR"
        yield _escaped(" ".join(text.split()))


def _see_also(names: Iterable[str]) -> list[str]:
    return _section("SEE ALSO", [", ".join(f"\\fB{_escaped(name)}\\fR(1)" for name in names)])


def _paragraphs(text: str) -> list[str]:
    return ["\n.PP\n".join(_escaped(" ".join(part.split())) for part in re.split(r"\n\s*\n", text.strip()))]


def _first_line(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())


def _escaped(text: str) -> str:
    """Text as roff takes it: no line of it is a request, and a hyphen stays what can be typed again."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
    )
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _joined(*sections: Iterable[str]) -> str:
    return "\n".join(line for section in sections for line in section) + "\n"


def _write(folder: Path) -> None:
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        _write(Path(sys.argv[1]))
    except (IndexError, OSError, SegevalError) as problem:
        raise SystemExit(f"{__doc__}\n{problem}") from None
