"""The filter of the table of cases in a page, in the script engine that draws its charts."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from page_reports import case, report

pytest.importorskip("quickjs", reason="the extra report is not installed")

from segeval.outputs.html.facts import report_facts
from segeval.outputs.html.page import asset, json_in_script

A_PAGE = (
    "const document = {{ getElementById: () => ({{ textContent: {facts} }}) }}; const atob = (text) => unpacked(text);"
)


@pytest.mark.parametrize("limit", [0.7, 0.85, 0.9, 0.95])  # 0.7 and 0.9 lie below, 0.85 and 0.95 above what float32 has
def test_a_value_that_is_the_limit_is_within_it(limit: float) -> None:
    import quickjs

    facts = report_facts(report([case("lower", (limit - 0.01,), ("liver",)), case("at", (limit,), ("liver",))]))
    context = quickjs.Context()
    context.add_callable("unpacked", lambda text: b64decode(text).decode("latin-1"))
    page = A_PAGE.format(facts=json.dumps(json_in_script(facts)))
    context.eval("\n".join([page, *(asset(name).removeprefix('"use strict";') for name in ("values.js", "table.js"))]))

    def shown(low: float | None, high: float | None) -> list[str]:
        context.eval(
            f"Object.assign(state, {{ column: mainColumn(), low: {json.dumps(low)}, high: {json.dumps(high)} }})"
        )
        return list(json.loads(context.eval("JSON.stringify(orderedCases().map((place) => facts.cases[place]))")))

    assert shown(limit, None) == ["at"]
    assert shown(None, limit) == ["lower", "at"]
    assert shown(limit, limit) == ["at"]
    assert shown(limit + 0.001, None) == []
