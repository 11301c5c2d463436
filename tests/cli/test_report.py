"""``segeval report``, and pages as an output of the other commands."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vl_convert", reason="the extra report is not installed")

Run = Callable[..., Any]
SAMPLE = Path(__file__).parents[2] / "sample_data"
PAIR = (SAMPLE / "prediction.nii.gz", SAMPLE / "reference.nii.gz", "--labels", SAMPLE / "labels.json")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cases, the first perfect; and the scan of the second."""
    for side, names in (("p", ("reference", "prediction")), ("r", ("reference", "reference"))):
        (tmp_path / side).mkdir()
        for case, name in zip(("a", "b"), names, strict=True):
            shutil.copyfile(SAMPLE / f"{name}.nii.gz", tmp_path / side / f"{case}.nii.gz")
    (tmp_path / "scans").mkdir()
    shutil.copyfile(SAMPLE / "image.nii.gz", tmp_path / "scans/b_0000.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pictured(page: Path) -> list[str]:
    """The headings of the pictures."""
    return re.findall(r"<article[^>]*>\s*<h3>([^<]*)</h3>", page.read_text(encoding="utf-8"))


BATCH = ("batch", "p", "r", "--labels", SAMPLE / "labels.json", "--metrics", "dice", "--workers", "1")


@pytest.mark.usefixtures("folders")
def test_a_page_of_a_stored_report_is_that_of_the_batch(segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json", "-o", "x.html").code == 0
    run = segeval("report", "x.json", "-o", "y.html")
    assert (run.code, run.out, run.err) == (0, "", "y.html: written\n")
    assert Path("x.html").read_bytes() == Path("y.html").read_bytes()
    # The tumor, the worst label of b, first; of two cases both are shown, the perfect one last.
    assert pictured(Path("y.html"))[:1] == ["b: 1 liver"]
    assert [case.split(":")[0] for case in pictured(Path("y.html"))] == ["b"] * 5 + ["a"] * 5


@pytest.mark.usefixtures("folders")
def test_how_many_pictures_and_of_which_cases(segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json").code == 0
    for asked, expected in (
        (("--pictures", "0"), []),
        (("--pictures", "1"), ["b"] * 5),
        (("--pictures", "0", "--case", "a"), ["a"] * 5),
        (("--pictures", "1", "--case", "a"), ["a"] * 5 + ["b"] * 5),
    ):
        assert segeval("report", "x.json", "-o", "y.html", *asked).code == 0
        assert [case.split(":")[0] for case in sorted(pictured(Path("y.html")))] == expected, asked


@pytest.mark.usefixtures("folders")
def test_scans_are_paired_and_drawn_on(segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json").code == 0
    assert segeval("report", "x.json", "-o", "y.html", "--pictures", "1").code == 0
    assert "data:image/png" not in Path("y.html").read_text(encoding="utf-8")
    assert segeval("report", "x.json", "-o", "y.html", "--pictures", "1", "--images", "scans").code == 0
    assert Path("y.html").read_text(encoding="utf-8").count("data:image/png") == 15


@pytest.mark.usefixtures("folders")
def test_figures_are_files_of_their_own(segeval: Run) -> None:
    run = segeval("score", *PAIR, "--figures", "figures", "--images", SAMPLE / "image.nii.gz", "--window", "60,400")
    assert run.code == 0, run.err
    names = sorted(path.name for path in Path("figures").iterdir() if "confusion-chart" not in path.name)
    assert len(names) == 5 * 3 * 3
    assert names[:3] == [f"prediction_left_kidney_axial.{ending}" for ending in ("pdf", "png", "svg")]
    assert Path("figures/prediction_tumor_axial.png").read_bytes().startswith(b"\x89PNG")
    assert Path("figures/prediction_tumor_axial.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("folders")
def test_every_command_with_results_writes_a_page(segeval: Run) -> None:
    assert segeval("score", *PAIR, "-o", "score.html", "--pictures", "0").code == 0
    assert segeval(*BATCH, "-o", "x.json").code == 0
    assert segeval("merge", "x.json", "-o", "merge.html", "--pictures", "0").code == 0
    assert segeval("compare", "x.json", "x.json", "-o", "compare.html").code == 0
    failed = segeval("check", "x.json", "--require", "min(dice) > 0.9", "-o", "check.html", "--pictures", "0")
    assert failed.code == 1
    for name in ("score", "merge", "compare", "check"):
        assert Path(f"{name}.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "gate FAILED: 1 of 1 rule" in Path("check.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("folders")
def test_the_same_report_gives_the_same_bytes(segeval: Run) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        assert segeval("score", *PAIR, "-o", name).code == 0
        pages.append(Path(name).read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.usefixtures("folders")
def test_the_policy_allows_the_scripts_of_the_page_alone(segeval: Run) -> None:
    assert segeval("score", *PAIR, "-o", "x.html", "--pictures", "0").code == 0
    page = Path("x.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    allowed = [f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert len(scripts) == 2
    assert f"script-src {' '.join(allowed)};" in policy.replace("&#39;", "'")
    assert policy.startswith("default-src &#39;none&#39;;")
    assert not re.findall(r"(?:src|href)=[\"']?https?:", page.replace("".join(scripts), ""))
    facts = json.loads(re.findall(r'<script type="application/json" id="facts">(.*?)</script>', page, re.DOTALL)[0])
    assert facts["main"] == "dice"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "x.json", "-o", "y.pdf"), "-o y.pdf: a page is a file that ends in .html; segeval merge"),
        (("report", "x.json", "--case", "c"), "--case c: the report has no such case; it has, for example, a, b"),
        (("report", "x.json", "--images", "nowhere"), "--images nowhere: there is no such file or folder"),
        (("report", "x.json", "--images", "x.json"), "--images x.json: is one file, and there are 2 cases"),
        (("report", "x.json", "--window", "40"), "--window '40': write level and width, like 40,400"),
        (("report", "x.json", "--window", "40,0"), "--window '40,0': write level and width"),
        (("merge", "x.json", "--images", "scans"), "--images: pictures are for a page; add -o report.html"),
        (
            ("check", "x.json", "--require", "mean(dice) > 0", "-o", "y.md"),
            "-o y.md: writes the results as a page, a file that ends in .html; --markdown FILE writes Markdown, "
            "--junit FILE JUnit XML, --format json prints JSON",
        ),
        (("compare", "x.json", "x.json", "-o", "y.pdf"), "known are .txt, .csv, .json, .md, .markdown, .html"),
    ],
)
@pytest.mark.usefixtures("folders")
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], message: str, segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json").code == 0
    run = segeval(*words)
    assert run.code in (2, 3)
    assert message in run.err
    assert run.err.count("\n") == 1
    assert not Path("y.pdf").exists()


@pytest.mark.parametrize("library", ["jinja2", "vl_convert"])
@pytest.mark.usefixtures("folders")
def test_a_missing_extra_is_one_line_that_names_it(library: str, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for words in (("score", *PAIR, "-o", "x.html"), ("compare", "x.json", "y.json", "-o", "x.html")):
        run = segeval(*words)
        assert (run.code, run.out) == (2, "")
        assert run.err == (
            f"segeval: an HTML report needs {library}; install it with: pip install 'segeval-cli[report]'\n"
        )


@pytest.mark.usefixtures("folders")
def test_files_that_are_gone_cost_their_pictures_alone(segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json").code == 0
    Path("p/b.nii.gz").unlink()
    assert segeval("report", "x.json", "-o", "y.html").code == 0
    page = Path("y.html").read_text(encoding="utf-8")
    assert "no picture: p/b.nii.gz" in page
    assert page.count('class="slice"') == 15  # of a


@pytest.mark.usefixtures("folders")
def test_results_are_written_before_a_picture_can_fail(segeval: Run) -> None:
    """A case that there is not is known once the cases are; a folder that there is not, before."""
    run = segeval(*BATCH, "-o", "x.json", "-o", "x.html", "--case", "c")
    assert (run.code, Path("x.json").exists(), Path("x.html").exists()) == (2, True, False)
    assert "--case c: the report has no such case" in run.err
    run = segeval(*BATCH, "-o", "y.json", "-o", "y.html", "--images", "nowhere")
    assert (run.code, Path("y.json").exists(), "there is no such file or folder" in run.err) == (3, False, True)


@pytest.mark.usefixtures("folders")
def test_a_quantity_that_nobody_knows_any_more_costs_no_picture(segeval: Run) -> None:
    assert segeval(*BATCH, "-o", "x.json").code == 0
    Path("x.json").write_text(Path("x.json").read_text().replace('"dice"', '"overlap_of_old"'))
    assert segeval("report", "x.json", "-o", "y.html").code == 0
    assert Path("y.html").read_text(encoding="utf-8").count('class="slice"') == 30
