"""The documentation's site, before and after it is built.

python .ci/docs_site.py prepare   build/docs: what docs/ holds, pages of the repository beside it, notebooks run
python .ci/docs_site.py check     build/site: every page is there and in the navigation, as is all that a page loads
"""

from __future__ import annotations

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
SOURCE, SITE = ROOT / "build/docs", ROOT / "build/site"
BESIDE = {"CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md", "benchmarks/README.md": "benchmarks.md"}
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("source", "src"), ("iframe", "src"), ("object", "data")}
NAMED_ONLY = {"canonical", "next", "prev", "alternate"}


def prepare() -> None:
    """Copy the pages; links that leave docs/ in the repository stay on the site."""
    shutil.copytree(ROOT / "docs", SOURCE, ignore=shutil.ignore_patterns("*.py"))
    for theirs, ours in BESIDE.items():
        (SOURCE / ours).write_text((ROOT / theirs).read_text("utf-8"), "utf-8")
    for page in SOURCE.rglob("*.md"):
        text = page.read_text("utf-8")
        for theirs, ours in BESIDE.items():
            up = "../" * len(page.relative_to(SOURCE).parts[:-1])
            text = text.replace(f"](../{up}{theirs}", f"]({up}{ours}")
        page.write_text(re.sub(r"\]\(([^):]+)\.ipynb\)", r"](\1.md)", text), "utf-8")
    for notebook in SOURCE.rglob("*.ipynb"):
        notebook.with_suffix(".md").write_text(run(notebook), "utf-8")


def run(notebook: Path) -> str:
    """A page of the notebook and what its cells show, run in the repository's root; one that fails ends the build."""
    import nbformat
    from nbconvert import MarkdownExporter
    from nbconvert.preprocessors import ExecutePreprocessor

    document = nbformat.read(notebook, as_version=4)
    executed = ExecutePreprocessor(timeout=300, extra_arguments=["--log-level=40"])
    executed.preprocess(document, {"metadata": {"path": str(ROOT)}})
    text, resources = MarkdownExporter().from_notebook_node(document)
    if resources["outputs"]:
        raise SystemExit(f"{notebook}: its cells show pictures, and nothing writes them beside the page yet")
    heading, rest = text.split("\n", 1)
    itself = f"[{notebook.name}]({notebook.name}) is the notebook itself"
    return f"{heading}\n\nAs run when this page was built; {itself}.\n{rest}"


class Loads(HTMLParser):
    """What a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag names."""
        if tag != "link" or dict(attrs).get("rel") not in NAMED_ONLY:
            self.found += [value for name, value in attrs if value and (tag, name) in LOADED]


def problems() -> list[str]:
    """A line for each thing that is not as it must be."""
    pages = sorted(SITE.rglob("*.html"))
    expected = {page.relative_to(SOURCE).with_suffix(".html") for page in SOURCE.rglob("*.md")}
    lacking = expected - {page.relative_to(SITE) for page in pages}
    found = [f"{page}: was not built" for page in sorted(lacking)] if expected else ["there are no pages"]
    named = set(re.findall(r"^ *- (?:.*: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M))
    there = {page.relative_to(SOURCE).as_posix() for page in SOURCE.rglob("*.md")}
    found += [f"{name}: is not both a page and in the navigation of mkdocs.yml" for name in sorted(named ^ there)]
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text("utf-8"))
        for address in loads.found:
            parts = urlsplit(address)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                found.append(f"{page}: loads {address} from elsewhere")
            elif page.name != "404.html" and not (page.parent / unquote(parts.path)).exists():
                found.append(f"{page}: loads {address}, which is not there")
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    elif sys.argv[1:] == ["check"]:
        lines = problems()
        sys.stdout.write(
            "".join(f"{line}\n" for line in lines) or f"{len(list(SITE.rglob('*.html')))} pages are whole\n"
        )
        sys.exit(bool(lines))
    else:
        raise SystemExit(__doc__)
