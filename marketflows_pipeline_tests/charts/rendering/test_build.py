"""Building a chart's specification: what is left out for speed, and that leaving it out still saves something."""

from __future__ import annotations

from typing import Any

import pytest
from altair.utils import schemapi

from marketflows_pipeline.charts.market_caps.lines import line_chart
from marketflows_pipeline.charts.rendering.building import built
from marketflows_pipeline.charts.style.look import Look
from marketflows_pipeline_tests.charts.frames import chart_spec, grid_frame

FRAME = grid_frame({"ai": [1.0, 1.2], "layer-1": [1.0, 0.8]})


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each part that Altair validates against its schema."""
    seen: list[str] = []
    validate = schemapi.validate_jsonschema

    def counted(*arguments: Any, **options: Any) -> Any:
        seen.append("validated")
        return validate(*arguments, **options)

    monkeypatch.setattr(schemapi, "validate_jsonschema", counted)
    return seen


def test_a_chart_is_built_without_validating_its_parts(validations: list[str]) -> None:
    assert built(FRAME, chart_spec(), Look())["width"]
    assert validations == []


def test_altair_would_validate_every_part_by_itself(validations: list[str]) -> None:
    """Once it does not any more, the renderer need not turn it off."""
    with schemapi.debug_mode(True):
        line_chart(FRAME, chart_spec())

    assert len(validations) > 10
