"""How much of the grid behind curves was observed."""

from __future__ import annotations

from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.words import coins

_SQL = """
select 100 * avg((fill = 'interpolated')::int) as interpolated_pct,
       100 * avg((fill in ('before_first', 'after_last'))::int) as held_pct,
       count(*) filter (where fill = 'after_last' and ts = newest) as n_stale
from core.market_cap_grid, (select max(ts) as newest from core.market_cap_grid)
"""
_WORTH_SAYING_PCT = 0.05


def held_words(file: PublishedFile) -> tuple[str, ...]:
    """What of all coins' values on the grid is held flat or interpolated; nothing where all are observed."""
    if not file.has("core.market_cap_grid"):
        return ()
    row = file.frame(_SQL).row(0, named=True)
    shares = [
        f"{value_text(row[name], 1, signed=False)} % {words}"
        for name, words in (("held_pct", "held flat"), ("interpolated_pct", "interpolated"))
        if row[name] is not None and row[name] >= _WORTH_SAYING_PCT
    ]
    of_all = (f"of all coins' values {' and '.join(shares)}",) if shares else ()
    stale = (f"{coins(row['n_stale'])} held at an older value at the newest time",) if row["n_stale"] else ()
    return (*of_all, *stale)
