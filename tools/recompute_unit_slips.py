"""Find unit slips in a warehouse a second time, by the text of the rule, without the package's code.

    python tools/recompute_unit_slips.py .marketflows/warehouse.duckdb

**Rule.** Each coin's observations, each fund's sessions, each index's values and the prices of bitcoin for volumes are
gone through in the order of time. A figure is compared with the last accepted one. If the ratio lies within 5 % of 100,
1,000, 1,000,000 or of one over these, and price, cap, shares and net asset value don't agree with each other, the row
is doubted: it is left out until the next one agrees with it, which is within a factor of two of it and not doubted
against it.

What agrees:

- a coin's cap and price, where cap over price stays within 5 %;
- a fund's shares and net asset value, where their product does; its net assets, where they are that product, unless the
  shares were made of them (GLD); a net asset value and the close;
- a close and the net asset value, or shares that moved inversely; an adjusted close and the close.

Figures that contradict each other by such a factor are doubted too; the one that moved most is at fault. Shares and net
asset values are compared in present shares, after all splits that are listed. Of a fund's session the newest vintage is
gone through; where it is left out, the one before.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

Row = Mapping[str, Any]
Ratios = Mapping[str, float]
Fault = Callable[[Ratios], str]
# What a series leaves out for now or for good: the time of a row, and that of the one that bore it out.
Doubts = dict[Any, Any]

POWERS = [10.0**power for power in (2, 3, 6, -2, -3, -6)]
NEW_YORK = ZoneInfo("America/New_York")


def is_slip(ratio: float | None) -> bool:
    """Whether a ratio is that of two units."""
    return ratio is not None and any(is_same(ratio / power) for power in POWERS)


def is_same(ratio: float | None) -> bool:
    """Whether two figures moved alike."""
    # In floating point 105 is a little more than 5 % above 100.
    return ratio is not None and abs(ratio - 1) <= 0.05 + 1e-9


def over(a: float | None, b: float | None) -> float | None:
    """A quotient, unless something is missing."""
    return None if a is None or b is None else a / b


def times(a: float | None, b: float | None) -> float | None:
    """A product, unless something is missing."""
    return None if a is None or b is None else a * b


def most(ratios: Ratios, names: Iterable[str]) -> str:
    """The figure that moved most, up or down."""
    known = {name: abs(math.log(ratios[name])) for name in names if name in ratios}
    return max(known, key=lambda name: known[name])


def coin_fault(ratios: Ratios) -> str:
    """Which of a coin's figures is at fault; empty for none."""
    cap, price = ratios.get("market_cap_usd"), ratios.get("price_usd")
    supply = over(cap, price)
    if is_same(supply) or not (is_slip(cap) or is_slip(price) or is_slip(supply)):
        return ""
    return most(ratios, ("market_cap_usd", "price_usd"))


def fund_fault(ratios: Ratios) -> str:
    """Which of a fund's figures is at fault."""
    shares, nav, assets, close = (ratios.get(name) for name in ("shares", "nav_usd", "net_assets_usd", "close_usd"))
    price = nav or close or 1.0
    are_product = is_same(over(assets, times(shares, price)))
    is_other_basis = is_same(times(shares, nav))
    wrong = (
        is_slip(shares) and not is_other_basis and not are_product,
        is_slip(nav)
        and not is_other_basis
        and not is_same(over(assets, times(shares or 1.0, nav)))
        and not is_same(over(close, nav)),
        is_slip(assets) and not are_product,
        is_slip(over(assets, times(shares, nav))),
    )
    return most(ratios, ("shares", "nav_usd", "net_assets_usd")) if any(wrong) else ""


def bar_fault(ratios: Ratios) -> str:
    """Which of a bar's closes is at fault."""
    names = ("close_usd", "adjusted_close_usd", "nav_usd", "shares")
    close, adjusted, nav, shares = (ratios.get(name) for name in names)

    def is_further(a: float | None, b: float | None) -> bool:
        return a is not None and b is not None and abs(math.log(a)) > abs(math.log(b))

    wrong = (
        is_slip(close) and not is_same(over(close, nav)) and not is_same(times(close, shares)),
        is_slip(over(close, nav)) and is_further(close, nav),
        is_slip(adjusted) and not is_same(over(adjusted, close)),
        is_slip(over(adjusted, close)) and is_further(adjusted, close),
    )
    return most(ratios, ("close_usd", "adjusted_close_usd")) if any(wrong) else ""


def index_fault(ratios: Ratios) -> str:
    """Whether an index's value is at fault."""
    return "close" if is_slip(ratios.get("close")) else ""


def doubts(rows: list[tuple[Any, Row]], fault: Fault) -> Doubts:
    """Go through one series in the order of time.

    Args:
        rows: time and figures, of which those that are no finite number above 0 are taken as missing.
        fault: which figure of given ratios is at fault.
    """
    found: Doubts = {}
    accepted: dict[str, float] = {}
    known = [
        (at, {name: value for name, value in row.items() if value and math.isfinite(value) and value > 0})
        for at, row in rows
    ]
    place = 0
    while place < len(known):
        at, figures = known[place]
        last: int | None = place
        if column := fault(_ratios(figures, accepted)):
            last = _borne_out(known, place, column, accepted, fault)
            found[at] = None if last is None else known[last][0]
        if last is None:
            place += 1
            continue
        # What lies between a row and its release was compared with it.
        for _, each in known[place : last + 1]:
            accepted = accepted | each
        place = last + 1
    return found


def _borne_out(
    known: list[tuple[Any, dict[str, float]]], place: int, column: str, accepted: Mapping[str, float], fault: Fault
) -> int | None:
    """The place of the next row that has a doubted figure, if it is near and no row up to it is doubted."""
    doubted = known[place][1][column]
    figures = {**accepted, **known[place][1]}
    for following in range(place + 1, len(known)):
        row = known[following][1]
        if fault(_ratios(row, figures)):
            return None
        if column in row:
            return following if 0.5 <= row[column] / doubted <= 2 else None
        figures |= row
    return None


def _ratios(now: Mapping[str, float], before: Mapping[str, float]) -> Ratios:
    return {name: now[name] / before[name] for name in now if name in before}


def coin_slips(database: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], Any]:
    """``raw.market_caps``: coin and time of each doubted observation, and the time of the one that bears it out."""
    series = defaultdict(list)
    rows = database.execute("select coin_id, ts, market_cap_usd, price_usd from raw.market_caps order by ts").fetchall()
    for coin, ts, cap, price in rows:
        series[coin].append((ts, {"market_cap_usd": cap, "price_usd": price}))
    return _by_key(series, coin_fault)


def index_slips(database: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], Any]:
    """``raw.volatility_index`` likewise."""
    series = defaultdict(list)
    rows = database.execute("select index_name, session, close from raw.volatility_index order by session").fetchall()
    for name, session, close in rows:
        series[name].append((session, {"close": close}))
    return _by_key(series, index_fault)


def bitcoin_slips(database: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], Any]:
    """``raw.bitcoin_prices`` likewise, all of one series."""
    rows = database.execute("select observed_at, price_usd from raw.bitcoin_prices order by observed_at").fetchall()
    return {(at,): until for at, until in doubts([(at, {"close": price}) for at, price in rows], index_fault).items()}


def _by_key(series: Mapping[str, list[tuple[Any, Row]]], fault: Fault) -> dict[tuple[str, ...], Any]:
    return {(name, at): until for name, rows in series.items() for at, until in doubts(rows, fault).items()}


class Funds:
    """Bars, shares and splits of a warehouse, in present shares."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        database.execute("set TimeZone = 'UTC'")
        self.splits = database.execute(
            "select symbol, session, value from accepted.corporate_actions where action = 'split' and value > 0"
        ).fetchall()
        self.bars = database.execute(
            "select symbol, session, close_usd, adjusted_close_usd from raw.daily_bars order by session"
        ).fetchall()
        self.vintages = database.execute(
            "select symbol, session, vintage, shares, nav_usd, net_assets_usd, convention, fetched_at, source"
            " from raw.shares_outstanding order by session, vintage"
        ).fetchall()

    def present(self, symbol: str, day: date) -> float:
        """What the splits after a day multiply to."""
        return math.prod(value for other, session, value in self.splits if other == symbol and session > day)

    def figures(self, left_out: Iterable[tuple[str, Any, int]]) -> dict[tuple[str, Any], tuple[int, Row]]:
        """Fund and session to the newest vintage that is not left out, and its figures."""
        found = {}
        for symbol, session, vintage, shares, nav, assets, convention, fetched, source in self.vintages:
            if (symbol, session, vintage) in left_out:
                continue
            since = fetched.astimezone(NEW_YORK).date() if convention == "split_adjusted" else session
            factor = self.present(symbol, since)
            found[symbol, session] = (
                vintage,
                {
                    "shares": None if shares is None else shares * factor,
                    "nav_usd": None if nav is None else nav / factor,
                    "net_assets_usd": None if source.startswith(("spdr_gold", "vaneck")) else assets,
                },
            )
        return found

    def share_slips(self) -> dict[tuple[Any, ...], Any]:
        """``raw.shares_outstanding``: fund, session and vintage of each doubted row."""
        closes = {(symbol, session): close for symbol, session, close, _ in self.bars}
        left_out: dict[tuple[str, Any, int], Any] = {}
        while True:
            figures = self.figures(left_out)
            series = defaultdict(list)
            for (symbol, session), (_, row) in sorted(figures.items()):
                close = closes.get((symbol, session))
                series[symbol].append((session, {**row, "close_usd": close}))
            found = {(*key, figures[key][0]): until for key, until in _by_key(series, fund_fault).items()}  # type: ignore[index]
            added = {key: until for key, until in found.items() if until is None}
            if not added:
                return left_out | found
            left_out |= added

    def bar_slips(self) -> dict[tuple[str, ...], Any]:
        """``raw.daily_bars``: asset and session of each doubted bar."""
        figures, series = self.figures(()), defaultdict(list)
        for symbol, session, close, adjusted in self.bars:
            _, row = figures.get((symbol, session), (0, {}))
            known = {name: row.get(name) for name in ("nav_usd", "shares")}
            series[symbol].append((session, {"close_usd": close, "adjusted_close_usd": adjusted, **known}))
        return _by_key(series, bar_fault)


def recompute(database: duckdb.DuckDBPyConnection) -> dict[str, dict[tuple[Any, ...], Any]]:
    """Raw table to the keys of its doubted rows, each with the time of the row that bears it out, or None."""
    funds = Funds(database)
    return {
        "raw.market_caps": coin_slips(database),
        "raw.daily_bars": funds.bar_slips(),
        "raw.shares_outstanding": funds.share_slips(),
        "raw.volatility_index": index_slips(database),
        "raw.bitcoin_prices": bitcoin_slips(database),
    }


if __name__ == "__main__":
    with duckdb.connect(sys.argv[1], read_only=True) as warehouse:
        for table, rows in recompute(warehouse).items():
            for key, until in sorted(rows.items()):
                words = (table, *key, "left out" if until is None else f"borne out at {until}")
                sys.stdout.write(f"{' '.join(map(str, words))}\n")
