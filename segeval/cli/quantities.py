"""``segeval quantities``: what can be computed, and how it is defined."""

from __future__ import annotations

from segeval.cli.writing import print_text


def quantities() -> None:
    """List and explain every quantity: formula, direction, when undefined, settings, source."""
    from segeval.quantities import all_quantities
    from segeval.quantities.explanation import explain

    print_text("\n".join(explain(quantity) for quantity in all_quantities()))
