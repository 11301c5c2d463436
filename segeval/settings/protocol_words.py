"""Protocols as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from segeval.settings.challenge_columns import UNDEFINED
from segeval.settings.protocol_documents import BRATS_TITLE, ChallengeDocument, every_document
from segeval.settings.protocols import BRATS, protocol_names, protocol_of
from segeval.settings.published_ranking import Ranking

_WIDTH = 80
_BRATS = f"{BRATS}[:CHALLENGE]"


def listed() -> str:
    """A line for each."""
    titles = {_BRATS if one["name"] == BRATS else one["name"]: one["title"] for one in every_document()}
    width = max(map(len, titles)) + 2
    return "".join(f"{name:<{width}}{title}\n" for name, title in titles.items())


def explained(found: ChallengeDocument) -> str:
    """What it decides, where that is from, and its options, columns and ranking."""
    name = found["name"] if found["version"] is None else found["signed"]
    facts = [f"{name}  ({found['title']}, {found['year']})\n", _wrapped(found["decides"])]
    facts.append(_wrapped(f"source: {found['source']}"))
    facts.append(_block("options that it sets, as docs/options.md has them", found["options"]))
    if found["columns"]:
        facts.append(_block("columns of its table: LABEL.QUANTITY, or a formula of such", found["columns"]))
        facts.append(f"the table ends with, over the cases: {', '.join(found['statistics'])}\n")
    if found["missing"]:
        missing = {name: UNDEFINED if value is None else value for name, value in found["missing"].items()}
        facts.append(_block("a case without a prediction gets (--missing worst)", missing))
    if found["pooled"]:
        facts.append(_block("of all cases together", found["pooled"]))
    if found["ranking"] is not None:
        facts.append(f"ranking of entries, by segeval compare --ranking\n{_ranking(found['ranking'])}")
    return "\n".join(facts)


def table() -> str:
    """What docs/protocols.md shows of those of the package: Markdown's table."""
    lines = [
        f"| `{name}` | {found.title} | {found.source} |" for name in protocol_names() if (found := protocol_of(name))
    ]
    brats = f"| `{_BRATS}` | {BRATS_TITLE} | its official code; see [instances.md](instances.md) |"
    return "\n".join(["| protocol | challenge | recorded from |", "| --- | --- | --- |", *sorted([*lines, brats])])


def _ranking(ranking: Ranking) -> str:
    more: dict[str, Any] = {
        "higher is better": ", ".join(ranking.higher),
        "lower is better": ", ".join(ranking.lower),
        "weights": ranking.weights,
        "rank of equals": "the least" if ranking.ties == "min" else "",
        "between equals": ", then ".join(f"{name}, {side}" for name, side in ranking.tiebreakers.items()),
        "source": ranking.source,
    }
    lines = [_wrapped(ranking.method), *(_option(key, of) for key, of in more.items() if of)]
    return "".join([*lines, *(_option(key, of) for key, of in ranking.columns.items())])


def _block(title: str, lines: Mapping[str, Any]) -> str:
    return f"{title}\n" + "".join(_option(name, value) for name, value in lines.items())


def _wrapped(text: str) -> str:
    return "".join(f"  {line}\n" for line in textwrap.wrap(text, _WIDTH - 2))


def _option(name: str, value: Any) -> str:
    """A line, broken between words, and between the parts of a list."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}={one}" for key, one in value.items())
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    text = f"{name}: {value}"
    if max(map(len, text.split()), default=0) > _WIDTH - 4:
        text = ", ".join(part.strip() for part in text.split(","))
    return "\n".join(textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")) + "\n"
