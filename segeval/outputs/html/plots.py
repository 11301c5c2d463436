"""The charts of a page as files for a paper: the page's own script says what they are, vl-convert draws them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from segeval.errors import UsageError
from segeval.files.whole_files import free_name, made_folder, write_whole
from segeval.outputs.html.page import asset, json_in_script
from segeval.words.extras import install

_SCRIPTS = ("values.js", "charts.js", "compared_charts.js", "figures.js")
_A_PAGE = """
"use strict";
const FACTS = {facts};
const document = {{ getElementById: () => ({{ textContent: FACTS }}), body: null, documentElement: null }};
const getComputedStyle = () => ({{ fontFamily: "sans-serif" }});
const window = {{ matchMedia: () => ({{ addEventListener: () => undefined }}) }};
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const atob = (text) => {{
  let bits = 0, held = 0, found = "";
  for (const letter of text) {{
    if (letter === "=") break;
    held = (held << 6) | LETTERS.indexOf(letter);
    bits += 6;
    if (bits >= 8) {{ bits -= 8; found += String.fromCharCode((held >> bits) & 255); held &= (1 << bits) - 1; }}
  }}
  return found;
}};
"""
"""As much of a browser as the scripts ask for before they draw."""
_SCALE = 2.0


class Plot(Struct, frozen=True):
    """A chart. specification: Vega-Lite's, its values in it."""

    name: str
    specification: Mapping[str, Any]


def plots_of(facts: Mapping[str, Any]) -> list[Plot]:
    """The charts of a page with these facts: of the main quantity, of every label where it chooses one."""
    try:
        import quickjs
    except ImportError:
        raise UsageError(f"figures of charts need quickjs-ng; install it with: {install('report')}") from None
    page = _A_PAGE.format(facts=json.dumps(json_in_script(facts)))
    scripts = [page, *(asset(name).removeprefix('"use strict";') for name in _SCRIPTS)]
    found = json.loads(quickjs.Context().eval("\n".join(scripts)))
    return [Plot(entry["name"], entry["spec"]) for entry in found]


def write_plots(folder: Path, facts: Mapping[str, Any]) -> None:
    """Each as SVG, PNG and PDF in a folder, which is made where it is missing. Raises UsageError, WriteError."""
    taken: set[str] = set()
    made_folder(folder)
    for plot in plots_of(facts):
        name = free_name(plot.name, taken)
        for ending, content in _drawn(plot):
            write_whole(folder / f"{name}.{ending}", content)


def _drawn(plot: Plot) -> Iterator[tuple[str, str | bytes]]:
    import vl_convert

    yield "svg", vl_convert.vegalite_to_svg(dict(plot.specification))
    yield "png", vl_convert.vegalite_to_png(dict(plot.specification), scale=_SCALE)
    yield "pdf", vl_convert.vegalite_to_pdf(dict(plot.specification))
