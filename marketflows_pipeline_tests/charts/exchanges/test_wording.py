from __future__ import annotations

from marketflows_pipeline.charts.exchanges.wording import flow_sum_text


def test_a_sum_says_how_many_days_it_covers_where_that_is_not_all() -> None:
    assert flow_sum_text(475_612_052.8, 7, 7) == "7-day net flow +$475.6M"
    assert flow_sum_text(-1e9, 30, 28) == "30-day net flow \u2212$1.0B (28 of 30 days known)"
    assert flow_sum_text(None, 7, 0) == "7-day net flow not known"
