"""Writes the pages of the reference that the code tells: python docs/make_reference.py

docs/commands.md of the commands' help, docs/all_quantities.md of what `segeval quantities` says, docs/api.md of the
public names and their docstrings, docs/schemas.md of the JSON Schemas. A test holds them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import segeval
from segeval import errors
from segeval.choices import DEFAULT_GROUPS, GROUPS
from segeval.cli.app import _COMMANDS, _built
from segeval.cli.manual import records
from segeval.quantities.explanation import document_of
from segeval.quantities.quantity import of_group
from segeval.schemas import SCHEMAS, schema
from segeval.settings.settings import declared

HERE = Path(__file__).parent
_HEAD = "<!-- written by docs/make_reference.py -->\n"
_OPTIONS = {name or field: option for field, setting in declared().items() for name, option in setting.options.items()}
_ORDER = ("evaluate", "evaluate_arrays", "evaluate_folder", "count", "Tally", "Accumulator", "Report", "read_report",
          "check", "compare", "SegevalError")  # fmt: skip


def api_page() -> str:
    """Every name of ``segeval.__all__``."""
    assert {*_ORDER, "__version__"} == set(segeval.__all__)  # noqa: S101
    parts = [
        "# Python API\n",
        "`import segeval`: these names, and no others, are public. [python.md](python.md) shows them at work.\n"
        "`**options` are those of [options.md](options.md), as keywords. `segeval.__version__` is the version.\n",
    ]
    for name in _ORDER:
        found = getattr(segeval, name)
        parts += [f"## segeval.{name}\n"]
        if inspect.isclass(found):
            parts += [_markdown(found), *_members(name, found)]
        else:
            parts += [_code(name, found), _markdown(found)]
    return _HEAD + "\n".join(parts)


def _members(name: str, of: type) -> Iterator[str]:
    """Its public methods and properties; of the error, its kinds."""
    if issubclass(of, Exception):
        yield "| error | exit code | when |\n| --- | --- | --- |\n" + "".join(_errors())
        return
    if of is segeval.Accumulator:
        yield _code(name, of)
    for member, value in vars(of).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if member.startswith("_") or not inspect.isfunction(function):
            continue
        yield f"### {name}.{member}\n"
        if not isinstance(value, property):
            yield _code(f"{name}.{member}", function)
        yield _markdown(function)


def _errors() -> Iterator[str]:
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.SegevalError) and kind is not errors.SegevalError:
            yield f"| `{kind.__name__}` | {kind.exit_code} | {' '.join((inspect.getdoc(kind) or '').split())} |\n"


def _code(name: str, function: Any) -> str:
    """How it is called: names and defaults; options of scoring that are keywords are ``**options``."""
    signature = inspect.signature(function)
    shown: list[str] = []
    options = []
    for parameter in signature.parameters.values():
        if _is_option(name, parameter):
            options = ["**options"]
        elif parameter.name not in ("self", "cls"):
            if parameter.kind is parameter.KEYWORD_ONLY and not any(one.startswith("*") for one in shown):
                shown.append("*")
            shown.append(str(parameter.replace(annotation=parameter.empty)))
    returns = signature.return_annotation
    arrow = "" if returns in (signature.empty, None, "None") else f" -> {_type_name(returns)}"
    return f"```text\n{name}({', '.join([*shown, *options])}){arrow}\n```\n"


def _is_option(name: str, parameter: inspect.Parameter) -> bool:
    """Whether it is one of those that scoring declares; arrays have no files, and so say theirs themselves."""
    option = _OPTIONS.get(parameter.name) if name.startswith("evaluate") else None
    return option is not None and not (name == "evaluate_arrays" and option.files_only)


def _type_name(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _markdown(of: Any) -> str:
    """Its docstring: a line that begins with parameters is an entry of a list."""
    text = re.sub(r"``(.+?)``", r"`\1`", inspect.getdoc(of) or "")
    blocks = []
    for block in text.split("\n\n"):
        lines: list[str] = []
        for line in block.split("\n"):
            if re.match(r"^(\w+(, )?)+: ", line) or line.startswith("Raises "):
                lines.append(f"- {line}")
            elif lines:
                lines[-1] += f" {line.strip()}"
            else:
                lines.append(line)
        blocks.append("\n".join(_separated(lines)))
    return "\n\n".join(blocks) + "\n"


def _separated(lines: list[str]) -> Iterator[str]:
    """With an empty line between text and a list, as Markdown has it."""
    for place, line in enumerate(lines):
        if place and line.startswith("- ") and not lines[place - 1].startswith("- "):
            yield ""
        yield line


def schemas_page() -> str:
    """Every type of every document: its members, and which may be absent."""
    parts = [
        "# JSON Schemas\n",
        "What `segeval schema NAME` prints, as tables; [outputs.md](outputs.md#schemas) says what is promised.\n",
    ]
    for name, published in SCHEMAS.items():
        found = schema(name)
        parts += [f"## {name}\n", f"{published.title}: `{published.written_by}`. `{found['$id']}`\n"]
        types = {"": found, **found.get("$defs", {})}
        if found["type"] == "array":
            parts.append(f"{_type(name, found).capitalize()}.\n")
        for kind, one in types.items():
            if "properties" not in one:
                continue
            parts += [f"### {name}: {kind}\n"] if kind else []
            parts += [f"{one['description']}\n"] if "description" in one else []
            parts.append(_table(name, one))
    return _HEAD + "\n".join(parts)


def _table(name: str, of: dict[str, Any]) -> str:
    lines = ["| member | what | always there |", "| --- | --- | --- |"]
    for member, what in of["properties"].items():
        lines.append(f"| `{member}` | {_type(name, what)} | {'yes' if member in of['required'] else ''} |")
    if (more := of["additionalProperties"]) is not False:
        lines.append(f"| any other | {_type(name, more)} | |")
    return "\n".join(lines) + "\n"


def _type(name: str, of: dict[str, Any]) -> str:
    """A schema in words."""
    if "$ref" in of:
        kind = of["$ref"].removeprefix("#/$defs/")
        return f"[{kind}](#{name}-{kind.lower()})"
    if "anyOf" in of:
        kinds = dict.fromkeys(_type(name, one) for one in of["anyOf"])
        # Where null stands depends on msgspec's version.
        return " or ".join(sorted(kinds, key=lambda kind: (kind.startswith(("object", "list")), kind == "null")))
    if "enum" in of:
        return " or ".join(f'`"{value}"`' for value in of["enum"])
    if "prefixItems" in of:
        return f"[{', '.join(_type(name, one) for one in of['prefixItems'])}]"
    if of.get("type") == "array":
        return f"list of {_type(name, of['items'])}"
    if of.get("type") == "object":
        more = of.get("additionalProperties")
        return "object" if not isinstance(more, dict) else f"object of {_type(name, more)}"
    kinds = of["type"] if isinstance(of["type"], list) else [of["type"]]
    limits = "".join(f", {words}" for words in _limits(of))
    return " or ".join(kinds) + limits


def _limits(of: dict[str, Any]) -> Iterator[str]:
    if "minimum" in of:
        yield f"at least {of['minimum']}"
    if "pattern" in of:
        yield f"`{of['pattern']}`"


def commands_page() -> str:
    """The help of every command."""
    parts = [
        "# Commands\n",
        "`segeval COMMAND --help`, as a page; `man segeval-COMMAND` shows the same. [options.md](options.md) has the\n"
        "options of scoring with Python's keywords for them.\n",
        "| command | what it does |\n| --- | --- |\n"
        + "".join(f"| [`{name}`](#segeval-{name}) | {_plain(_built(name).help)} |\n" for name in _COMMANDS),
    ]
    for name in _COMMANDS:
        command = _built(name)
        context = command.make_context(name, [], resilient_parsing=True)
        words = " ".join(word.strip("{}") for word in command.collect_usage_pieces(context))
        parts += [
            f"## segeval {name}\n",
            f"```text\nsegeval {name} {words}\n```\n".replace("segeval", "usage: segeval", 1),
        ]
        parts += [f"{_plain(command.help)}\n"]
        for panel, lines in records(command).items():
            rows = "".join(f"| `{option.replace('|', chr(92) + '|')}` | {_plain(text)} |\n" for option, text in lines)
            parts += [f"| {panel.lower()} | |\n| --- | --- |\n{rows}"] if lines else []
    return _HEAD + "\n".join(parts)


def all_quantities_page() -> str:
    """What each quantity is, by its group."""
    parts = [
        "# All quantities\n",
        "What `segeval quantities` tells, as tables; `--metrics` takes the names of quantities and of groups.\n"
        "Notation, and what stands behind the formulas: [quantities.md](quantities.md),\n"
        "[surface_distances.md](surface_distances.md), [instances.md](instances.md),\n"
        "[calibration.md](calibration.md).\n",
    ]
    for group in GROUPS:
        parts += [
            f"## {group}\n",
            "Computed by default.\n" if group in DEFAULT_GROUPS else "Computed when asked for.\n",
        ]
        rows = []
        for quantity in of_group(group) or ():
            told = document_of(quantity)
            settings = ", ".join(f"`{_setting(key, value)}`" for key, value in told["settings"].items())
            called = ", ".join(word for word, answer in told["also_called"].items() if answer == quantity.name)
            cells = (
                told["text"],
                told["formula"],
                told["direction"],
                told["undefined"],
                settings,
                called,
                told["source"],
            )
            rows.append(f"| `{quantity.name}` | " + " | ".join(map(_plain, cells)) + " |\n")
        parts.append(
            "| name | what | formula | better | undefined when | settings | also called | source |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |\n" + "".join(rows)
        )
    return _HEAD + "\n".join(parts)


def _setting(key: str, value: Any) -> str:
    """As ``--metrics`` takes it; a default that follows from the data is none."""
    if isinstance(value, bool):
        return f"{key}={'yes' if value else 'no'}"
    return key if value is None else f"{key}={value}"


def _plain(text: str | None) -> str:
    """On a line, nothing in it that Markdown takes for more than text; what stands in backticks stays."""
    parts = " ".join((text or "").replace("``", "`").split()).split("`")
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"([*\[\]<>\\])", r"\\\1", parts[place])
    return "`".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    (HERE / "commands.md").write_text(commands_page(), encoding="utf-8")
    (HERE / "all_quantities.md").write_text(all_quantities_page(), encoding="utf-8")
    (HERE / "api.md").write_text(api_page(), encoding="utf-8")
    (HERE / "schemas.md").write_text(schemas_page(), encoding="utf-8")
