"""The words of the page's head about the age of each part."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.report.ages import _LIMITS, _SESSIONS, BARS
from marketflows_pipeline.report.freshness import _HOLDS, part_states
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline_tests.report.brief.events import NOW
from marketflows_pipeline_tests.report.brief.published_events import published


@pytest.mark.parametrize("is_tutorial", [False, True])
def test_the_ribbon_names_what_is_stale_and_the_pill_the_part(tmp_path: Path, is_tutorial: bool) -> None:
    link = published(tmp_path, {})
    with open_published_file(link, is_tutorial=is_tutorial, now=NOW + timedelta(minutes=105)) as file:
        caps, exchanges, funds = part_states(file)

    assert (caps.as_of, funds.as_of) == ("20 Nov 2026 00:00 UTC", "19 Nov 2026 close")
    assert exchanges.is_stale is not is_tutorial
    if is_tutorial:
        assert {part.stale_at for part in (caps, exchanges, funds)} == {None}
    else:
        assert exchanges.stale_words == "Exchanges: trading volumes are as of 20 Nov 2026 17:30 UTC"
        assert caps.stale_at == int((NOW + timedelta(hours=2)).timestamp()) * 1000


def test_every_table_that_can_be_stale_has_words() -> None:
    assert set(_HOLDS) == {BARS, *_SESSIONS, *(table for limits in _LIMITS.values() for table in limits)}
