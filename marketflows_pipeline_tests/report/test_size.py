"""The budget of the page: 6 MB, with 50 narratives and 300 coins."""

from __future__ import annotations

import pytest

from marketflows_pipeline_tests.report.large_page import large_page

BUDGET = 6_000_000
# About what vl-convert's scripts take.
SCRIPTS = f"(()=>{{{'x' * 900_000}}})();"


@pytest.mark.slow
def test_a_page_of_fifty_narratives_and_three_hundred_coins_is_within_its_budget() -> None:
    assert 3_000_000 < len(large_page(SCRIPTS).encode()) < BUDGET
