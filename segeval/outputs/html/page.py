"""Template, style, scripts and facts put together, under a policy that lets it load nothing and run nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from segeval.outputs.html.bundle import vega_bundle
from segeval.words.shown_values import value_text

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("values.js", "charts.js", "compared_charts.js", "table.js", "main.js", "compared.js")
_CSP = (
    "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Styles are Vega's own; they can load nothing but the images that lie in the page."""


def page_pieces(template: str, sections: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    """The page in pieces. sections: what the template shows; facts: what its scripts draw, plain JSON."""
    scripts = [_vega(), "".join(asset(name) for name in _SCRIPTS)]
    policy = _CSP.format(" ".join(f"'sha256-{_digest(script)}'" for script in scripts))
    yield (
        _environment()
        .get_template(template)
        .render(**sections, policy=policy, style=asset("page.css"), scripts=scripts, facts=json_in_script(facts))
    )
    yield "\n"


def json_in_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment there."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["value"] = value_text
    return environment


@cache
def _vega() -> str:
    return vega_bundle().replace("</script", "<\\/script")


@cache
def asset(name: str) -> str:
    """The text of a file that comes with the package."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
