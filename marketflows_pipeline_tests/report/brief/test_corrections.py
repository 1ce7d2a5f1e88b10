from __future__ import annotations

from typing import Any

import pytest

from marketflows_pipeline.report.brief.corrections import differs

TOLD = {"value": 3.1, "reference": 0.2, "z": 3.2, "frequency_pct": 1.2}
TEXT = "$3B to $5B: index +3.1% in the day to 3 Mar 2026, against a mean of +0.20% before."


@pytest.mark.parametrize(
    ("found", "is_other"),
    [
        (TOLD, False),
        (TOLD | {"value": 3.14}, False),
        # The 3 of 3 Mar, or of the range's name, is no figure that still shows it.
        (TOLD | {"value": 3.45}, True),
        (TOLD | {"reference": 0.31}, True),
        (TOLD | {"value": None}, True),
        # What stands below the sentence moves with every later day, and goes with the event's row.
        (TOLD | {"z": 3.6}, False),
        (TOLD | {"frequency_pct": None}, False),
    ],
)
def test_a_sentence_is_corrected_where_a_figure_in_it_reads_otherwise(found: dict[str, Any], is_other: bool) -> None:
    assert differs(TEXT, TOLD, found) == is_other
