"""Documents with one long list, read an entry at a time: the same as the whole text read at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segeval.errors import UnreadableFile
from segeval.results import json_lists
from segeval.results.json_lists import NotJson, read_list

LEAVES = st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=6) | st.sampled_from(["\n  }", '"rows": [\n', "\\", "]", "},", "\ud800"])
JSON = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
ENTRIES = st.lists(st.dictionaries(TEXTS | st.just("rows"), JSON, max_size=4), max_size=6)
LAYOUTS: dict[str, Callable[[Any], str]] = {
    "indented": lambda document: json.dumps(document, indent=1),
    "indented more": lambda document: json.dumps(document, indent=4, ensure_ascii=False),
    "sorted": lambda document: json.dumps(document, indent=2, sort_keys=True),
    "on a line": json.dumps,
    "without spaces": lambda document: json.dumps(document, separators=(",", ":")),
    "a line an entry": lambda document: "".join(
        ["{\n", *(f'"{k}": {json.dumps(v)},\n' for k, v in document.items() if k not in ("rows", "after")),
         '"rows": [\n', ",\n".join(map(json.dumps, document["rows"])), "\n],\n",
         f'"after": {json.dumps(document["after"])}\n}}\n']
    ),
}  # fmt: skip


def read(path: Path) -> tuple[dict[str, Any], list[Any]]:
    taken: list[Any] = []
    return read_list(path, "rows", ("schema",), 1 << 20, lambda _: taken.append), taken


@given(entries=ENTRIES, before=JSON, after=JSON, layout=st.sampled_from(sorted(LAYOUTS)), piece=st.integers(1, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_layout_gives_what_json_loads_gives(
    entries: list[Any],
    before: Any,
    after: Any,
    layout: str,
    piece: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_lists, "_PIECE", piece)
    document = {"schema": "x/1", "before": before, "rows": entries, "after": after}
    path = tmp_path / "a.json"
    path.write_text(LAYOUTS[layout](document), encoding="utf-8", errors="backslashreplace")
    expected = json.loads(path.read_bytes())
    members, taken = read(path)
    assert taken == expected["rows"]
    assert members == {**expected, "rows": []}


def test_what_is_laid_out_over_lines_is_never_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("the text was read whole")

    monkeypatch.setattr(json_lists, "_whole", never)
    document = {"schema": "x/1", "rows": [{"case": i, "rows": [{"a": [i]}]} for i in range(50)], "after": [1]}
    for layout in ("indented", "indented more", "a line an entry"):
        (tmp_path / "a.json").write_text(LAYOUTS[layout](document))
        assert read(tmp_path / "a.json") == ({**document, "rows": []}, document["rows"])


@pytest.mark.parametrize("layout", ["indented", "on a line", "a line an entry"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_text_that_was_cut_is_no_json(layout: str, kept: float, tmp_path: Path) -> None:
    text = LAYOUTS[layout]({"schema": "x/1", "rows": [{"case": i, "values": [i, {}]} for i in range(50)], "after": {}})
    (tmp_path / "a.json").write_text(text[: int(kept * len(text))])
    with pytest.raises(NotJson):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": 1,\n"rows": [\n{"a": 1}\n{"a": 2}\n]}',
        '{"schema": 1,\n"rows": [\n{"a": 1},\n]}',
        '{"schema": 1,\n"rows": [\n{"a": 1},,\n{"a": 2}\n]}',
        '{"schema": 1,\n"rows": [\n{"a": 1}\n]]}',
        '{"schema": 1,\n"rows": [\n{"a": 1}\n}',
        '{"schema": 1,\n"rows": [\n{"a": 1}\n]} {}',
        '{"schema": 1,\n"rows": [\n{"a" 1}\n]}',
    ],
)
def test_what_the_standard_library_refuses_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line"):
        json.loads(text)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(NotJson):
        read(tmp_path / "a.json")


def test_a_list_of_that_name_inside_another_member_is_not_the_one(tmp_path: Path) -> None:
    text = '{"schema": 1, "before": {\n "rows": [\n  {"a": 1}\n ]},\n"rows": [\n{"b": 2}\n]}'
    (tmp_path / "a.json").write_text(text)
    assert read(tmp_path / "a.json") == ({"schema": 1, "before": {"rows": [{"a": 1}]}, "rows": []}, [{"b": 2}])


def test_a_list_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = '{"schema": 1,\n"rows": [\n{"a": 1}\n],\n"rows": [\n{"b": 2}\n]}'
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="twice"):
        read(tmp_path / "a.json")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(" " * (1 << 20) + "{}")
    with pytest.raises(UnreadableFile, match="is larger than 1048576 bytes"):
        read(tmp_path / "a.json")
