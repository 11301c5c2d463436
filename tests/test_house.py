"""The house: no file is long, no room holds too much, and the page that draws it names every room."""

from __future__ import annotations

import tomllib
from pathlib import Path

import segeval

ROOT = Path(__file__).parents[1]
PACKAGE = Path(segeval.__file__).parent
MOST_LINES, MOST_LINES_OF_TESTS, MOST_SHARE = 300, 500, 1 / 5


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def rooms() -> dict[str, int]:
    """The folders of the package, and their lines of code."""
    return {
        folder.name: sum(map(lines, folder.rglob("*.py")))
        for folder in PACKAGE.iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
    }


def test_no_file_is_long() -> None:
    for folder, most in ((PACKAGE, MOST_LINES), (ROOT / "tests", MOST_LINES_OF_TESTS)):
        assert {str(path): lines(path) for path in folder.rglob("*.py") if lines(path) > most} == {}


def test_no_room_holds_more_than_a_fifth() -> None:
    whole = sum(map(lines, PACKAGE.rglob("*.py")))
    assert {name: size for name, size in rooms().items() if size > MOST_SHARE * whole} == {}


def test_every_room_is_a_layer_and_on_the_page() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = {part.strip() for layer in linter["contracts"][0]["layers"] for part in layer.split("|")}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in rooms():
        assert f"segeval.{name}" in layers
        assert f"├── {name}/" in page
