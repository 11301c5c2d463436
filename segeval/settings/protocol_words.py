"""Protocols as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from segeval.settings.protocols import Protocol, protocol_names, protocol_of
from segeval.settings.published_ranking import Ranking
from segeval.tallies.instances import BRATS_2023

_WIDTH = 80
_BRATS = "brats-lesionwise"
_BRATS_TITLE = "BraTS 2023: lesion-wise Dice and HD95"
_BRATS_TEXT = (
    "Lesion-wise Dice and HD95 of whole tumour, tumour core and enhancing tumour, as the code of BraTS 2023 computes "
    "them; the parameters differ by challenge. docs/instances.md has every step."
)


def listed() -> str:
    """A line for each."""
    titles = {name: found.title for name in protocol_names() if (found := protocol_of(name)) is not None}
    titles[f"{_BRATS}[:CHALLENGE]"] = _BRATS_TITLE
    width = max(map(len, titles)) + 2
    return "".join(f"{name:<{width}}{title}\n" for name, title in sorted(titles.items()))


def explained(name: str, protocol: Protocol | None) -> str:
    """What it decides, where that is from, and its options and columns; None is BraTS's."""
    if protocol is None:
        text = f"{_BRATS_TEXT} Challenges: {', '.join(BRATS_2023)}."
        return f"{name}  ({_BRATS_TITLE})\n{_wrapped(text)}"
    facts = [f"{protocol.signed}  ({protocol.title}, {protocol.year})\n", _wrapped(protocol.decides)]
    facts.append(_wrapped(f"source: {protocol.source}"))
    facts.append("options\n" + "".join(_option(key, value) for key, value in protocol.options.items()))
    if protocol.columns:
        facts.append("columns\n" + "".join(_option(key, of) for key, of in protocol.columns.items()))
        ends = f"over the cases: {', '.join(protocol.statistics)}\n"
        facts.append(ends + "".join(_option(f"{key} of a missing case", of) for key, of in protocol.missing.items()))
    if protocol.ranking is not None:
        facts.append("ranking\n" + _ranking(protocol.ranking))
    if protocol.pooled:
        facts.append("of all cases together\n" + "".join(_option(key, of) for key, of in protocol.pooled.items()))
    return "\n".join(facts)


def table() -> str:
    """What docs/protocols.md shows of those of the package: Markdown's table."""
    lines = [
        f"| `{name}` | {found.title} | {found.source} |" for name in protocol_names() if (found := protocol_of(name))
    ]
    brats = f"| `{_BRATS}[:CHALLENGE]` | {_BRATS_TITLE} | its official code; see [instances.md](instances.md) |"
    return "\n".join(["| protocol | challenge | recorded from |", "| --- | --- | --- |", *sorted([*lines, brats])])


def _ranking(ranking: Ranking) -> str:
    sides = {"higher": ranking.higher, "lower": ranking.lower}
    words = "; ".join(f"{side}: {', '.join(columns)}" for side, columns in sides.items() if columns)
    more: dict[str, Any] = {
        "weights": ranking.weights,
        "rank of equals": "the least" if ranking.ties == "min" else "",
        "between equals": ", then ".join(f"{name}, {side}" for name, side in ranking.tiebreakers.items()),
        "source": ranking.source,
    }
    lines = [_wrapped(f"{ranking.method}, {words}"), *(_option(key, of) for key, of in more.items() if of)]
    return "".join([*lines, *(_option(key, of) for key, of in ranking.columns.items())])


def _wrapped(text: str) -> str:
    return "".join(f"  {line}\n" for line in textwrap.wrap(text, _WIDTH - 2))


def _option(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}={one}" for key, one in value.items())
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    return "\n".join(textwrap.wrap(f"{name}: {value}", _WIDTH, initial_indent="  ", subsequent_indent="    ")) + "\n"
