"""What the cards about coins say: findings made from figures, and where these are from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from marketflows_pipeline.charts.style.wording import counted, names_text, percent_text, value_text
from marketflows_pipeline.report.credits import credit
from marketflows_pipeline.report.published import PublishedFile

_OF_GRID = """
select 100 * avg((fill = 'interpolated')::int) as interpolated_pct,
       100 * avg((fill in ('before_first', 'after_last'))::int) as held_pct,
       count(*) filter (where fill = 'after_last' and ts = newest) as n_stale
from core.market_cap_grid, (select max(ts) as newest from core.market_cap_grid)
"""
_WORTH_SAYING_PCT = 0.05
PRICE_NOT_INFLOW = "a change of market cap is mostly price, not money that came in"
_NAMED = 3

Figures = Mapping[str, float | None]


def source_of(file: PublishedFile) -> str:
    """The credit; in the tutorial that its figures are made up."""
    return credit(file, file.market_credit)


def held_words(file: PublishedFile) -> tuple[str, ...]:
    """What of all coins' values on the grid is held flat or interpolated; nothing where all are observed."""
    if not file.has("core.market_cap_grid"):
        return ()
    row = file.frame(_OF_GRID).row(0, named=True)
    shares = [
        f"{value_text(row[name], 1, signed=False)} % {words}"
        for name, words in (("held_pct", "held flat"), ("interpolated_pct", "interpolated"))
        if row[name] is not None and row[name] >= _WORTH_SAYING_PCT
    ]
    of_all = (f"of all coins' values {' and '.join(shares)}",) if shares else ()
    stale = f"{counted(row['n_stale'], 'coin')} held at an older value at the newest time"
    return (*of_all, *((stale,) if row["n_stale"] else ()))


def known(figures: Figures) -> dict[str, float]:
    """The figures that are numbers, in the order they came in."""
    return {label: value for label, value in figures.items() if value is not None and math.isfinite(value)}


def change_finding(figures: Figures, span: str, *, noun: str = "series") -> str:
    """Which series gained most over a span, and which least: "Layer 1 fell least since 4 Mar 2025, −12.0%; ...".

    Args:
        figures: percent by label; nulls are left out.
        span: such as ``over 28 days in US dollars``.
        noun: what the series are called, in the plural.
    """
    ranked = sorted(known(figures).items(), key=lambda each: -each[1])
    if not ranked:
        return f"No change of {noun} is known {span}"
    if len(ranked) == 1:
        label, value = ranked[0]
        return f"{label} {_moved(value)} {span}"
    first, last = percent_text(ranked[0][1]), percent_text(ranked[-1][1])
    leaders = [label for label, value in ranked if percent_text(value) == first]
    if first == last:
        return f"All {len(ranked)} {noun} stand alike {span}: {first}"
    others = f"; {ranked[-1][0]} {_least(last)}"
    if sum(percent_text(value) == last for _, value in ranked) > 1:
        others = f"; the last stand at {last}"
    each = " each" if len(leaders) > 1 else ""
    return f"{listed(leaders)} {_most(first)} {span}, {first}{each}{others}"


def _most(figure: str) -> str:
    """What the highest of several did, by its figure as it is shown."""
    return "did not move" if figure[0].isdigit() else "gained most" if figure[0] == "+" else "fell least"


def _least(figure: str) -> str:
    """What the lowest of several did, with its figure."""
    return "did not move" if figure[0].isdigit() else f"{'rose least' if figure[0] == '+' else 'fell most'}, {figure}"


def extreme(figures: Figures) -> tuple[str, float] | None:
    """The label with the figure furthest from 0, and it; None where none is known or two share it."""
    ranked = sorted(known(figures).items(), key=lambda each: abs(each[1]), reverse=True)
    if not ranked or (len(ranked) > 1 and abs(ranked[0][1]) == abs(ranked[1][1])):
        return None
    return ranked[0]


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Names as a sentence has them: "A", "A and B", "A, B and C", "A, B, C and 2 more"."""
    if len(names) > most:
        return names_text(names, most)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1] if names else "")))


def described(title: str, subtitle: str, figures: Iterable[tuple[str, str]], most: int = 12) -> str:
    """A chart in words, for those who do not see it: what it finds, what it shows, and the newest figures."""
    rows = list(figures)
    more = f"; and {len(rows) - most} more in the table" if len(rows) > most else ""
    newest = "; ".join(f"{label} {figure}" for label, figure in rows[:most])
    return f"{title}. {subtitle}. {f'Newest: {newest}{more}.' if rows else ''}".strip()


def _moved(value: float) -> str:
    shown = percent_text(value)
    if shown[0].isdigit():
        return "did not move"
    return f"{'gained' if value > 0 else 'lost'} {shown[1:]}"
