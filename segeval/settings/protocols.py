"""Published procedures: a challenge's regions, quantities and parameters under one name, as data.

A protocol is a TOML file, of the package or a user's own: what it decides are options of scoring. BraTS's lesion-wise
scores need steps of their own, and have a name that says which challenge's parameters are meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.files.paths import require_possible
from segeval.tallies.instances import BRATS_2023, DEFAULT_CHALLENGE, lesionwise_options
from segeval.targets import Region
from segeval.words.nearest import suggestion
from segeval.words.printable import printable, quoted, shortened

if TYPE_CHECKING:
    from segeval.settings.documents import ProtocolDocument
    from segeval.settings.published_ranking import Ranking
    from segeval.settings.settings import Settings

BRATS = "brats-lesionwise"
BRATS_QUANTITIES = "dice,lesionwise_dice,lesionwise_hd95"
BRATS_REGIONS = (
    Region("whole_tumour", frozenset((1, 2, 3))),
    Region("tumour_core", frozenset((1, 3))),
    Region("enhancing_tumour", frozenset((3,))),
)
"""Of BraTS 2023: 1 necrotic core, 2 oedema, 3 enhancing tumour."""
_FOLDER = Path(__file__).with_name("challenges")
_MOST_BYTES = 1 << 20
_TEXTS = ("title", "source", "decides")
_DECIDE_NOTHING = (*_TEXTS, "year", "version", "ranking")
_KEYS = {*_TEXTS, "year", "version", "options", "columns", "pooled", "statistics", "missing", "ranking"}


class Protocol(Struct, frozen=True):
    """A challenge's procedure.

    options: what it decides, as ``[check.scoring]`` would say it. columns: the challenge's names of its numbers, each
    with what it is here, ``LABEL.QUANTITY`` or a formula of such (`segeval.results.formulas`). statistics: what the
    table ends with, over the cases. missing: by column, what a case without a prediction gets, None
    where that is undefined. ranking: how entries are ordered, where the challenge publishes that. pooled: as columns,
    of all cases together. digest: of what a user's file decides, empty for those of the package.
    """

    name: str
    title: str
    year: int
    version: int
    source: str
    decides: str
    options: Mapping[str, Any]
    columns: Mapping[str, str]
    statistics: Sequence[str] = ("mean",)
    missing: Mapping[str, float | None] = {}
    ranking: Ranking | None = None
    pooled: Mapping[str, str] = {}
    digest: str = ""

    @property
    def signed(self) -> str:
        """``kits23@1``; ``ours@3#1f09c2e4`` of a user's file, of which there may be several of one name and version."""
        return signed_as(self.document())

    def document(self) -> ProtocolDocument:
        """As a report has it: options stand in the other settings."""
        found: ProtocolDocument = {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "columns": dict(self.columns),
        }
        if self.digest:
            found["digest"] = self.digest
        if self.statistics != ("mean",):
            found["statistics"] = list(self.statistics)
        if self.pooled:
            found["pooled"] = dict(self.pooled)
        if self.missing:
            found["missing"] = dict(self.missing)
        return found


def signed_as(document: Mapping[str, Any]) -> str:
    """How the signature names the protocol of a report that holds this of it."""
    digest = document.get("digest")
    return f"{document.get('name')}@{document.get('version')}" + (f"#{digest}" if digest else "")


@cache
def protocol_names() -> tuple[str, ...]:
    """Those of the package, by name."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def protocol_of(text: str) -> Protocol | None:
    """The protocol of this name, or in this file; None for those of BraTS. Raises UsageError."""
    if text.partition(":")[0] == BRATS:
        return None
    if text.endswith(".toml"):
        return _of_file(Path(text))
    if text not in protocol_names():
        near = suggestion(text, [*protocol_names(), BRATS])
        raise UsageError(
            f"--protocol {shortened(repr(text), 60)}: there is none{near}; `segeval protocols` lists all, "
            "and one of your own is a FILE.toml"
        )
    return _parsed(text, text, (_FOLDER / f"{text}.toml").read_text(encoding="utf-8"))


def _of_file(path: Path) -> Protocol:
    require_possible("--protocol", path)
    if "|" in path.stem or printable(path.stem) != path.stem:
        name = printable(path.name)
        raise UsageError(
            f"--protocol {name}: is named in signatures; leave | and characters that control a terminal out"
        )
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as problem:
        raise UsageError(f"--protocol {path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--protocol {path}: is no text; a protocol is a TOML file") from None
    if len(content) > _MOST_BYTES:
        raise UsageError(f"--protocol {path}: is larger than {_MOST_BYTES >> 20} MiB")
    return _parsed(str(path), path.stem, text, path.parent)


def _digest(found: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits of what a file decides, however it is laid out: all that can change a number."""
    import hashlib
    import json

    decided = {key: value for key, value in found.items() if key not in _DECIDE_NOTHING}
    return hashlib.sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _parsed(where: str, name: str, text: str, folder: Path | None = None) -> Protocol:
    """folder: of a user's file."""
    import tomllib

    from segeval.results.challenge_table import STATISTICS
    from segeval.settings.asking import beside
    from segeval.settings.challenge_columns import of_columns, spread, targets_of
    from segeval.settings.published_ranking import own_columns, ranking_of

    def refused(words: str) -> UsageError:
        return UsageError(f"--protocol {where}: {words}")

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise refused(f"is no TOML: {problem}") from None
    unknown = sorted(found.keys() - _KEYS)
    if unknown:
        raise refused(f"{unknown[0]!r} is none of its keys, which are {', '.join(sorted(_KEYS))}")
    for written in _written(found):
        if (shown := printable(written)) != written:
            raise refused(f"'{shortened(shown, 60)}' has characters that control a terminal; leave them out")
    for key in _TEXTS:
        if not isinstance(found.get(key), str) or not found[key].strip():
            raise refused(f"lacks its {key}, a text")
    for key in ("year", "version"):
        if type(found.get(key)) is not int:
            raise refused(f"lacks its {key}, a whole number")
    options, columns, pooled = found.get("options", {}), found.get("columns", {}), found.get("pooled", {})
    if not isinstance(options, dict) or not options:
        raise refused("lacks its [options], which say what it decides")
    options = beside(folder or _FOLDER, options)
    for key, texts in (("columns", columns), ("pooled", pooled)):
        wrong = {key: texts} if not isinstance(texts, dict) else texts
        for column, of in wrong.items():
            if not isinstance(of, str) or "." not in of:
                raise refused(f'[{key}] {column} = {quoted(of)}: write a text like "kidney.dice"')
    try:
        targets = targets_of(options)
        columns, pooled = spread(columns, targets), spread(pooled, targets)
    except UsageError as problem:
        raise refused(str(problem)) from None
    if columns.keys() & pooled.keys():
        raise refused(f"{min(columns.keys() & pooled.keys())!r} is in [columns] and in [pooled]")
    statistics, missing = found.get("statistics", ["mean"]), found.get("missing", {})
    if not isinstance(statistics, list) or not statistics or not set(statistics) <= STATISTICS.keys():
        raise refused(f"statistics are a list of {', '.join(STATISTICS)}")
    try:
        own = spread(own_columns(found.get("ranking")), targets)
        ranking = ranking_of(found["ranking"], columns, own, pooled) if "ranking" in found else None
        missing = of_columns(missing, (*columns, *own))
    except UsageError as problem:
        raise refused(str(problem)) from None
    except ValueError as problem:
        raise refused(f"[ranking] {problem}") from None
    title, source, decides = (" ".join(found[key].split()) for key in _TEXTS)
    facts = (title, found["year"], found["version"], source, decides)
    digest = "" if folder is None else _digest(found)
    return Protocol(name, *facts, options, columns, tuple(statistics), missing, ranking, pooled, digest)


def _written(value: Any) -> Iterator[str]:
    """Every name in it, and every text, whose line ends are spaces."""
    if isinstance(value, str):
        yield " ".join(value.split())
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from (key, *_written(one))
    elif isinstance(value, list):
        for one in value:
            yield from _written(one)


def with_protocol(
    given: Mapping[str, Any], protocol: Protocol, known: Collection[str], every: Collection[str]
) -> dict[str, Any]:
    """The answers, and what the protocol decides. Raises UsageError where a user's answer contradicts it.

    every: the options that there are; known: those of this door: arrays have no grid and no files. What both volumes
    lack is decided by every protocol: one that does not speak of ``empty`` leaves it undefined.
    """
    for name, value in {"empty": "nan", **protocol.options}.items():
        if name not in every or name == "protocol":
            raise UsageError(f"--protocol {protocol.name}: [options] know no {name!r}; docs/options.md lists them")
        if name not in known:
            continue
        if given.get(name, value) != value:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"--protocol {protocol.name} decides {flag}; leave that out, or leave the protocol out")
    return {**{name: value for name, value in protocol.options.items() if name in known}, **given}


def with_canonical_columns(protocol: Protocol, settings: Settings) -> Protocol:
    """Its columns name quantities as the JSON does. Raises UsageError for what the settings do not compute."""
    from segeval.settings.challenge_columns import canonical

    try:
        columns, pooled = canonical(protocol.columns, settings), canonical(protocol.pooled, settings, pooled=True)
        ranking = protocol.ranking
        if ranking is not None:
            ranking = replace(ranking, columns=canonical(ranking.columns, settings))
        return replace(protocol, columns=columns, pooled=pooled, ranking=ranking)
    except UsageError as problem:
        raise UsageError(f"--protocol {protocol.name}: {problem}") from None


def decided_by(protocol: str | None) -> frozenset[str]:
    """The options that a protocol leaves no choice in."""
    found = None if protocol is None else protocol_of(protocol)
    return frozenset() if found is None else frozenset(found.options)


def challenge_of(protocol: str | None, lesionwise: str | None = None) -> str:
    """The challenge of ``brats-lesionwise:CHALLENGE``, or else what ``--lesionwise`` says. Raises UsageError."""
    if protocol is None or protocol.partition(":")[0] != BRATS:
        _ = lesionwise_options(lesionwise or DEFAULT_CHALLENGE)
        return lesionwise or DEFAULT_CHALLENGE
    if lesionwise is not None:
        raise UsageError(f"--protocol {protocol} decides --lesionwise; leave that out, or leave the protocol out")
    _, _, challenge = protocol.partition(":")
    challenge = challenge or DEFAULT_CHALLENGE
    if challenge not in BRATS_2023:
        known = ", ".join(BRATS_2023)
        raise UsageError(f"--protocol {protocol!r}: there is {BRATS}, and {BRATS}:CHALLENGE with one of {known}")
    return challenge


def under_brats(settings: Settings) -> Settings:
    """With BraTS's regions and quantities, where the user named none."""
    labels = settings.labels if settings.labels.regions else replace(settings.labels, regions=BRATS_REGIONS)
    return replace(settings, labels=labels, metrics=BRATS_QUANTITIES if settings.metrics is None else settings.metrics)
