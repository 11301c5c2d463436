"""What can stand where a shell's cursor is: commands, options, their values, names of quantities and protocols."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Answer = tuple[str, str]
"""A whole word, and a line about it."""

_LONGEST = 90
_WORD_BREAKS = "=:"  # at which bash takes words apart, unless told otherwise


def answers(words: Sequence[str]) -> list[Answer]:
    """What the last word may become, the others being given; nothing where it may be a file, or anything.

    words: those after the program's name, the last one up to the cursor.
    """
    from typer.main import get_command

    from segeval.cli.app import _COMMANDS, _built, app

    *before, current = words
    given = next((word for word in before if not word.startswith("-")), None)
    if given is None:
        return _fitting(current, _of_options(get_command(app)) if current.startswith("-") else _COMMANDS.items())
    if given not in _COMMANDS:
        return []
    command = _built(given)
    options = {spelt: option for option in command.params for spelt in _spelt(option)}
    name, equals, value = current.partition("=")
    if equals and name in options:
        return [(f"{name}={word}", about) for word, about in _values(options[name], value)]
    asked = options.get(before[-1])
    if asked is not None and not asked.is_flag and "--" not in before:
        return _values(asked, current)
    if current.startswith("-") and "--" not in before:
        return _fitting(current, _of_options(command))
    return [answer for argument in command.params if not _spelt(argument) for answer in _values(argument, current)]


def for_bash(words: Sequence[str]) -> list[Answer]:
    """The same for bash, which gives ``--format=js`` as three words, and takes what replaces the last of them."""
    joined: list[str] = []
    apart = True
    for word in words:
        is_break = word != "" and not word.strip(_WORD_BREAKS)
        if joined and (is_break or not apart):
            joined[-1] += word
        else:
            joined.append(word)
        apart = not is_break
    given = len(joined[-1]) - len(re.split(f"[{_WORD_BREAKS}]", joined[-1])[-1])
    return [(word[given:], about) for word, about in answers(joined)]


def _of_options(command: Any) -> list[Answer]:
    """All spellings that are words, in the order of the help."""
    return [
        (spelt, option.help or "")
        for option in command.params
        for spelt in _spelt(option)
        if spelt.startswith("--") and not option.hidden
    ] + [("--help", "Show this message and exit.")]


def _spelt(parameter: Any) -> list[str]:
    """As it is written; an argument is not."""
    return [] if parameter.param_type_name == "argument" else [*parameter.opts, *parameter.secondary_opts]


def _values(parameter: Any, current: str) -> list[Answer]:
    if (choices := getattr(parameter.type, "choices", None)) is not None:
        return _fitting(current, [(str(choice), "") for choice in choices])
    if (name := (parameter.param_type_name, parameter.name)) not in _NAMES:
        return []
    before, comma, last = current.rpartition(",")
    return [(f"{before}{comma}{word}", about) for word, about in _fitting(last, _NAMES[name]())]


def _fitting(current: str, offered: Iterable[Answer]) -> list[Answer]:
    return [(word, _short(about)) for word, about in offered if word.startswith(current)]


def _short(about: str) -> str:
    line = " ".join(about.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rpartition(' ')[0]} …"


def _quantities() -> list[Answer]:
    from segeval.choices import GROUPS
    from segeval.quantities import all_quantities

    return [(name, "a group") for name in GROUPS] + [(one.name, one.title) for one in all_quantities()]


def _protocols() -> list[Answer]:
    from segeval.settings.protocol_documents import every_document

    return [(one["name"], one["title"]) for one in every_document()]


def _schemas() -> list[Answer]:
    from segeval.schemas import SCHEMAS

    return [(name, one.title) for name, one in SCHEMAS.items()]


_NAMES: dict[tuple[str, str], Callable[[], list[Answer]]] = {
    ("option", "metrics"): _quantities,
    ("option", "protocol"): _protocols,
    ("option", "ranking"): _protocols,
    ("argument", "name"): _schemas,
    ("argument", "names"): _quantities,
    ("argument", "words"): _protocols,
}
"""Where names of segeval's own are asked for; of a list, the last one is completed."""
