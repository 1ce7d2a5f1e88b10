"""What the line of the log about an hour's market caps says."""

from __future__ import annotations

from collections import Counter

from marketflows_pipeline.ingest.raw_writer import Tally


def test_rejected_observations_come_with_their_reasons() -> None:
    """ "422 rejected" stood there alone, and nobody could tell a flood of nulls from a broken service."""
    found = Counter({"null": 400, "duplicate": 21, "not_positive": 0, "malformed": 1})
    assert Tally(rejected=found).in_words == (
        "0 new observations, 0 revised, "
        "422 rejected (400 without a market cap, 21 of a time that stands twice, 1 malformed)"
    )


def test_nothing_rejected_needs_no_reason() -> None:
    nothing = "0 new observations, 0 revised, 0 rejected"
    assert Tally(rejected=Counter({"null": 0})).in_words == Tally().in_words == nothing


def test_what_was_revised_is_explained() -> None:
    words = "3 new observations, 120 revised (the service says otherwise now), 0 rejected"
    assert Tally(rows_new=3, rows_revised=120).in_words == words
