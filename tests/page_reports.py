"""Reports of known values, as a batch makes them, for the tests of pages."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.quantities import select
from segeval.quantities.summary import summarise
from segeval.results.report import ALL, MEAN, CaseResult, Report, Row


def case(name: str, dice: Sequence[float], names: Sequence[str | None]) -> CaseResult:
    """A case of as many labels; volumes are 10, 20, … ml, those of the prediction a tenth larger."""
    rows = [
        Row(label, names[label - 1], {
            "dice": value, "ref_volume_ml": 10.0 * label, "pred_volume_ml": 11.0 * label, "tp": 100 * label,
        })
        for label, value in enumerate(dice, start=1)
    ]  # fmt: skip
    mean = sum(dice) / len(dice)
    whole = {"dice": mean, "ref_volume_ml": 10.0, "pred_volume_ml": 11.0, "tp": 100.0}
    confusion = ((0, 0, 1000), (1, 1, 90), (1, 2, 8), (1, 0, 2), (2, 2, 50))
    return CaseResult(
        name,
        f"p/{name}.nii",
        f"r/{name}.nii",
        (*rows, Row(MEAN, None, whole), Row(ALL, None, {"dice": mean})),
        confusion,
    )


def failed(name: str, reason: str) -> CaseResult:
    """A case that could not be evaluated."""
    return CaseResult(name, f"p/{name}.nii", f"r/{name}.nii", status="error", reason=reason)


def report(cases: Sequence[CaseResult], signature: str = "segeval:test") -> Report:
    """Of a batch, with its summary."""
    columns = tuple(selection.column for selection in select("dice,ref_volume_ml,pred_volume_ml,tp"))
    return Report(signature, {}, columns, tuple(cases), ("a remark",), summarise(cases, columns))


def thirty() -> Report:
    """Thirty cases of two labels whose Dice rises with their number; one more failed."""
    cases = [case(f"case_{n:02}", (0.5 + n / 100, 0.9 - n / 100), ("liver", "spleen")) for n in range(30)]
    return report([*cases, failed("case_99", "p/case_99.nii: it ends inside a gzip stream")])
