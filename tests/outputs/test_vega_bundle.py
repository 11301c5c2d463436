"""Vega's scripts are bundled once, and nothing that somebody else put into their place becomes code in a page."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from segeval.outputs.html import bundle
from segeval.outputs.html.bundle import vega_bundle

TEXT = "window.vegaEmbed = 'é';"


class Converter(ModuleType):
    """Stands for vl_convert, and counts what it bundles."""

    __version__ = "7.0"
    made = 0

    def javascript_bundle(self, snippet: str) -> str:
        assert snippet == "window.vegaEmbed = vegaEmbed;"
        self.made += 1
        return TEXT


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Converter:
    found = Converter("vl_convert")
    monkeypatch.setitem(sys.modules, "vl_convert", found)
    monkeypatch.setitem(bundle._KNOWN, "7.0", sha256(TEXT.encode()).hexdigest())
    return found


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept."""
    monkeypatch.setattr(bundle, "_folder", lambda: tmp_path / "cache" / "segeval")
    return tmp_path / "cache" / "segeval" / "vega-of-vl-convert-7.0.js"


def test_it_is_bundled_once(converter: Converter, kept: Path) -> None:
    assert [vega_bundle() for _ in range(3)] == [TEXT] * 3
    assert converter.made == 1
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert kept.read_text("utf-8") == TEXT


@pytest.mark.parametrize("content", [b"alert(1);", b"", TEXT.encode()[:-1], TEXT.encode() + b"x", b"\xff" * 100])
def test_what_is_not_known_by_its_digest_is_never_taken(converter: Converter, kept: Path, content: bytes) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    assert vega_bundle() == TEXT
    assert (converter.made, kept.read_text("utf-8")) == (1, TEXT)


def test_a_version_that_is_not_known_is_bundled_each_time(converter: Converter, kept: Path) -> None:
    converter.__version__ = "8.0"
    kept.parent.mkdir(parents=True)
    (kept.parent / "vega-of-vl-convert-8.0.js").write_text(TEXT, "utf-8")
    assert [vega_bundle(), vega_bundle()] == [TEXT, TEXT]
    assert (converter.made, kept.exists()) == (2, False)


def test_another_bundle_than_the_version_s_is_not_kept(
    converter: Converter, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "javascript_bundle", lambda _: "of another system")
    assert vega_bundle() == "of another system"
    assert not kept.parent.exists()


def test_where_nothing_can_be_kept_it_is_bundled(
    converter: Converter, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.parent.parent.write_text("a file")
    assert vega_bundle() == TEXT
    kept.parent.parent.unlink()
    kept.mkdir(parents=True)
    assert vega_bundle() == TEXT
    monkeypatch.setattr(bundle, "_folder", lambda: None)
    assert vega_bundle() == TEXT
    assert converter.made == 3


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other folders there")
def test_it_is_kept_where_caches_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bundle._folder() == tmp_path / "segeval"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert bundle._folder() == tmp_path / ".cache" / "segeval"
    for relative in ("here", "~/.cache"):  # as where there is no home
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        assert bundle._folder() is None


def test_the_digest_is_that_of_the_version_that_is_installed() -> None:
    converter = pytest.importorskip("vl_convert")
    if converter.__version__ not in bundle._KNOWN:
        pytest.skip(f"vl-convert {converter.__version__} is bundled each time")
    made = converter.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    assert sha256(made.encode()).hexdigest() == bundle._KNOWN[converter.__version__]
