"""The options of pictures, which every command shares that writes an HTML page; and the pictures that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct
from msgspec.structs import replace

from segeval.choices import Format
from segeval.cli.spread import spread
from segeval.cli.writing import write_report
from segeval.errors import UsageError
from segeval.files.whole_files import require_folder, write_whole

if TYPE_CHECKING:
    from segeval.results.pictures import LabelPictures
    from segeval.results.report import Report
    from segeval.results.verdict import Verdict

_PANEL = "Pictures of an HTML page"

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "images": (
        Path | None,
        typer.Option(
            "--images",
            metavar="FOLDER|FILE",
            help="The scans to draw on, paired like the cases.",
            rich_help_panel=_PANEL,
        ),
    ),
    "window": (
        str | None,
        typer.Option(
            "--window", metavar="L,W", help="Level and width of the scans' grey values, for CT.", rich_help_panel=_PANEL
        ),
    ),
    "pictures": (
        int | None,
        typer.Option(
            "--pictures",
            min=0,
            metavar="N",
            help="Cases shown of each label. Default: three worst, median, best.",
            rich_help_panel=_PANEL,
        ),
    ),
    "case": (
        list[str] | None,
        typer.Option("--case", metavar="NAME", help="A case to show besides. Repeatable.", rich_help_panel=_PANEL),
    ),
    "figures": (
        Path | None,
        typer.Option(
            "--figures",
            metavar="DIR",
            help="Write every chart and picture there: SVG, PNG, PDF.",
            rich_help_panel=_PANEL,
        ),
    ),
}


class Pictured(Struct, frozen=True):
    """What was asked for."""

    images: Path | None = None
    window: str | None = None
    pictures: int | None = None
    case: Sequence[str] = ()
    figures: Path | None = None

    def require_a_page(self, outputs: Sequence[Path]) -> None:
        """Refuse what none of these outputs would show, and what could not be drawn, before any voxel is read.

        Raises UsageError, UnreadableFile, WriteError.
        """
        pages = pages_among(outputs)
        asked = {
            "--images": self.images,
            "--window": self.window,
            "--pictures": self.pictures,
            "--case": self.case or None,
        }
        named = [flag for flag, value in asked.items() if value is not None]
        if named and not pages and self.figures is None:
            raise UsageError(f"{', '.join(named)}: pictures are for a page; add -o report.html, or --figures DIR")
        if pages or self.figures is not None:
            from segeval.outputs.html import require_report_extra
            from segeval.pictures.images import require_images, window_of

            window_of(self.window)
            require_images(self.images)
            require_report_extra()
        if self.figures is not None:
            require_folder(self.figures)


def with_picture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameter ``pictured`` is spelt out as the options of pictures, where it stands."""
    parameters = {
        name: Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[asks, option])
        for name, (asks, option) in _OPTIONS.items()
    }
    return spread(command, "pictured", parameters, lambda _, given: Pictured(**{**given, "case": given["case"] or ()}))


def pages_among(outputs: Iterable[Path]) -> list[Path]:
    """The outputs that are HTML pages."""
    from segeval.outputs import format_of_ending

    return [path for path in outputs if format_of_ending(path.name) == "html"]


def write_results(
    report: Report, format_: Format, outputs: Sequence[Path], pictured: Pictured, *, wide: bool = False
) -> None:
    """The files and stdout, then the pages and figures: a picture that cannot be drawn costs no results."""
    pages = pages_among(outputs)
    write_report(report, format_, [path for path in outputs if path not in pages], wide=wide)
    write_pages(report, pages, pictured)


def write_pages(report: Report, pages: Sequence[Path], pictured: Pictured, verdict: Verdict | None = None) -> None:
    """The pages and the figures. Raises WriteError, UsageError.

    A batch's report that was read from its JSON gets its statistics, which are made anew.
    """
    if not pages and pictured.figures is None:
        return
    from segeval.outputs.html import report_page
    from segeval.quantities.summary import summarise

    if report.summary == ():
        report = replace(report, summary=summarise(report.cases, report.columns))
    pictures = _pictures(report, pictured)
    for page in pages:
        write_whole(page, report_page(report, pictures, verdict))
    if pictured.figures is not None:
        from segeval.outputs.html.facts import report_facts
        from segeval.outputs.html.plots import write_plots
        from segeval.pictures.figures import write_figures

        write_figures(pictured.figures, pictures)
        write_plots(pictured.figures, report_facts(report))


def _pictures(report: Report, pictured: Pictured) -> list[LabelPictures]:
    from segeval.pictures.choosing import chosen_labels
    from segeval.pictures.drawing import pictures_of, settings_to_draw
    from segeval.pictures.images import images_of, window_of

    chosen = chosen_labels(report, pictured.pictures, pictured.case)
    if not chosen:
        return []
    image = images_of(pictured.images, [case.case for case in report.cases])
    settings, window = settings_to_draw(report), window_of(pictured.window)
    found: list[LabelPictures] = []
    for place, labels in chosen:
        case = report.cases[place]
        found += pictures_of(case, labels, settings, image(case.case), window)
    return found
