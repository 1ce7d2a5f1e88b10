"""What the line of the log about an hour's market caps says."""

from __future__ import annotations

from marketflows_pipeline.ingest.market_caps.run import rejected_in_words, revised_in_words


def test_rejected_observations_come_with_their_reasons() -> None:
    """ "422 rejected" stood there alone, and nobody could tell a flood of nulls from a broken service."""
    found = {"null": 400, "duplicate": 21, "not_positive": 0, "malformed": 1}
    assert rejected_in_words(found) == (
        "422 rejected (400 without a market cap, 21 of a time that stands twice, 1 malformed)"
    )


def test_nothing_rejected_needs_no_reason() -> None:
    assert rejected_in_words({"null": 0}) == rejected_in_words({}) == "0 rejected"


def test_what_was_revised_is_explained() -> None:
    assert revised_in_words(120) == "120 revised (the service says otherwise now)"
    assert revised_in_words(0) == "0 revised"
