"""Make up the market caps that the tutorial runs on, into ``marketflows_pipeline/tutorial/``.

Usage: ``python tools/make_tutorial_data.py [--seed 1] [--out FOLDER]``. Takes bitcoin and ether from
``cross_asset/bars.parquet``, so run ``tools/make_cross_asset_tutorial_data.py`` before, and
``tools/make_exchange_tutorial_data.py`` and ``tools/golden.py`` afterwards. ``tutorial_world.py`` has the law.

``market_caps.parquet``, ``coins.csv`` and ``categories.csv`` are what the service answers with. ``stored/`` holds rows
that earlier daily runs would have stored, one file a raw table: the tutorial runs once, and membership has no history
at any service. The README that is written with them lists the injected events.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tutorial_world import (
    AS_OF,
    BURST,
    CATEGORIES,
    CROSSING,
    DAY,
    DELISTED,
    FALLS,
    FIRST_CLOSE,
    LARGE_STEP,
    LAST_CLOSE,
    LISTED,
    NARRATIVES,
    QUIET,
    REDENOMINATED,
    TUTORIAL,
    VOLUMES_NOW,
    CoinPath,
    crossings,
    day_before,
    make_world,
    ranked,
)

N_STORED_DAYS = 100
RESERVE = 5
LEFT_OUT = frozenset({*CATEGORIES["stablecoins"][1], QUIET})
# Of the tutorial's `days`; what is older was fetched by an earlier run.
WINDOW = timedelta(days=365)
STORED_SOURCE = "tutorial:stored"

README = """\
# The tutorial's figures: made up

All figures here and below are made up; they come from seeded random numbers (seed {seed}), and no figure says anything
about the coin, fund or exchange beside it. Ids of well-known ones are real, so that mapping them can be tried. Names of
our own begin with "Synthetic".

The three parts show one market: bitcoin and ether cost the same in market caps, on exchanges and in daily bars.
`market_caps.parquet` holds {coins} coins at {closes} closes of 00:00 UTC, {first} to {last}, and at the moment at which
the tutorial's clock stands; another coin was delisted before it. A market cap is price times supply, but for some
hundredths of a percent: a service's cap and price are not of one instant. `coins.csv` has names and present supplies,
`categories.csv` the present members of categories. `tools/tutorial_world.py` is the law of this market,
`tools/make_tutorial_data.py` writes it.

`stored/` holds what daily runs at 00:05 UTC since {stored_since} would have stored: members of narratives, coins above
the smallest range limit, categories, and closes older than the window; and what a run a day before the clock's moment
would have stored of each coin, from which changes over 24 hours follow. The tutorial's database begins with them.

## Injected events

| coin | what | day |
|---|---|---|
{events}

Members of `artificial-intelligence` by rank among its coins at three closes, with `narrative_top_n = {top_n}`: places
{after} and {last_buffer} are inside a buffer of two, places beyond are outside.

| coin | {month_ends} |
|---|{dashes}|
{ranks}

`config.toml` is what the tutorial runs with. `golden.*.parquet` is the result to expect, computed by
`tools/golden.py`, which shares no code with the program. `expected_marketflows.log` is the log to expect.
"""
MONTH_ENDS = tuple(datetime(*day, tzinfo=AS_OF.tzinfo) for day in ((2025, 12, 1), (2026, 1, 1), (2026, 2, 1)))

Rows = list[dict[str, Any]]
World = Mapping[str, CoinPath]


def member_figures(path: CoinPath, at: int) -> dict[str, Any]:
    """What an answer says of a coin."""
    return {
        "coin_id": path.coin.coin_id,
        "market_cap_usd": path.cap(at),
        "price_usd": path.prices[at],
        "circulating_supply": path.supplies[at],
        **{
            f"price_change_{name}_pct": path.change_pct(at, days) for name, days in (("24h", 1), ("7d", 7), ("30d", 30))
        },
    }


def closes_stored() -> list[datetime]:
    """The closes after which a daily run stored members; the last is that of the day before the clock's."""
    return [LAST_CLOSE - back * DAY for back in range(N_STORED_DAYS, 0, -1)]


def observed_at(close: datetime) -> datetime:
    """When the daily run after a close asked."""
    return close + timedelta(minutes=5)


def narrative_rows(world: World, top_n: int) -> Rows:
    """``raw.narrative_members``: full pages of the narratives, and of the stablecoins that are left out of them."""
    rows: Rows = []
    for close in closes_stored():
        for slug in (*NARRATIVES, "stablecoins"):
            is_narrative, counted = slug in NARRATIVES, 0
            for rank, (coin, at) in enumerate(ranked(world, slug, close), 1):
                rows.append(
                    {"observed_at": observed_at(close), "narrative": slug, "rank": rank}
                    | member_figures(world[coin], at)
                    | {
                        "is_reserve": is_narrative and counted >= top_n,
                        "is_excluded": coin in LEFT_OUT if is_narrative else None,
                        "is_full_page": True,
                    }
                )
                counted += coin not in LEFT_OUT
    return rows


def cohort_rows(world: World, limit: float) -> Rows:
    """``raw.cohort_members``: all coins above the smallest limit, after each close."""
    rows: Rows = []
    for close in closes_stored():
        there = [(path, at) for path in world.values() if (at := path.place(close)) is not None]
        above = [(path, at) for path, at in there if path.times[at] == close and path.cap(at) > limit]
        above.sort(key=lambda pair: -pair[0].cap(pair[1]))
        rows += [
            {"observed_at": observed_at(close), "rank": rank}
            | member_figures(path, at)
            | {"is_excluded": path.coin.coin_id in LEFT_OUT}
            for rank, (path, at) in enumerate(above, 1)
        ]
    return rows


def category_rows(world: World) -> Rows:
    """``raw.category_snapshots``: sums over the members of each category, after each close."""
    rows: Rows = []
    for close in closes_stored():
        for slug, (name, _) in sorted(CATEGORIES.items()):
            members = ranked(world, slug, close)
            total = math.fsum(world[coin].cap(at) for coin, at in members)
            before = math.fsum(world[coin].cap(at) for coin, at in ranked(world, slug, close - DAY))
            rows.append(
                {
                    "category_id": slug,
                    "observed_at": observed_at(close),
                    "name": name,
                    "market_cap_usd": round(total, 2),
                    "market_cap_change_24h_pct": round(100 * (total / before - 1), 5),
                    "volume_24h_usd": math.fsum(world[coin].volumes[at] for coin, at in members),
                    "top_3_coins_id": ",".join(coin for coin, _ in members[:3]),
                }
            )
    return rows


def market_cap_rows(world: World, seed: int) -> Rows:
    """``raw.market_caps``: what the service no longer tells, and each coin a day before the clock's moment.

    No longer told are closes older than the window, and all of the delisted coin.
    """
    rows: Rows = []
    for coin, path in sorted(world.items()):
        older = [row for row in observations(path) if coin == DELISTED[0] or row["ts"] < AS_OF - WINDOW]
        rows += [row | {"source": STORED_SOURCE, "fetched_at": observed_at(row["ts"])} for row in older]
        rows += [
            row | {"source": STORED_SOURCE, "fetched_at": AS_OF - DAY} for row in observations(day_before(path, seed))
        ]
    return rows


def observations(path: CoinPath) -> Rows:
    """A coin at every time at which it was seen."""
    return [
        {
            "coin_id": path.coin.coin_id,
            "ts": moment,
            "market_cap_usd": path.cap(at),
            "price_usd": path.prices[at],
            "volume_usd": path.volumes[at],
        }
        for at, moment in enumerate(path.times)
    ]


def coin_rows(world: World) -> Rows:
    """``raw.coins``: when each coin was first and last on a page of a daily run."""
    stored = [observed_at(close) for close in closes_stored()]
    return [
        {
            "coin_id": coin,
            "symbol": path.coin.symbol,
            "name": path.coin.name,
            "first_seen_at": max(stored[0], observed_at(path.times[0])),
            "last_seen_at": min(stored[-1], observed_at(path.times[-1])),
            "is_active": coin != DELISTED[0],
        }
        for coin, path in sorted(world.items())
    ]


def events(world: World) -> list[tuple[str, str, str]]:
    """The injected events: coin, what, day."""
    limit = CROSSING[1]
    days = ", ".join(f"{moment:%Y-%m-%d}" for moment in crossings(world[CROSSING[0]], limit)[-6:])
    (falls, stays, _), (collapses, leaves, _) = FALLS["synthetic-neuron"], FALLS["synthetic-oracle"]
    return [
        ("hyperliquid", "issuance: 0.08 % more coins each day", f"{FIRST_CLOSE:%Y-%m-%d} on"),
        ("tether, usd-coin, paypal-usd", "stablecoins: pegged to a dollar, with issuance", "throughout"),
        (BURST[0], f"{100 * BURST[3]:.0f} % of its supply is issued within {BURST[2]} days", f"{BURST[1]} on"),
        (REDENOMINATED[0], f"redenomination: {REDENOMINATED[2]} new coins for an old one", str(REDENOMINATED[1])),
        (
            LARGE_STEP[0],
            f"large supply step: {100 * (LARGE_STEP[2] - 1):.0f} % more coins at once",
            str(LARGE_STEP[1]),
        ),
        (LISTED[0], "listed: its first close", str(LISTED[1])),
        (DELISTED[0], "delisted: its last close is the day before, and its id is gone", str(DELISTED[1])),
        (CROSSING[0], f"crosses {limit / 1e9:.0f} bn USD to and fro, last on", days),
        ("synthetic-neuron", "falls to a place inside the buffer of its narrative", f"{falls} to {stays}"),
        ("synthetic-oracle", "falls to a place outside the buffer of its narrative", f"{collapses} to {leaves}"),
        *(
            (coin, f"trades {times} times its usual volume", f"{AS_OF:%Y-%m-%d %H:%M}")
            for coin, times in VOLUMES_NOW.items()
        ),
        (QUIET, "pegged to a dollar; trades as usual", "throughout"),
    ]


def readme(world: World, seed: int, top_n: int) -> str:
    """The text beside the files."""
    slug = "artificial-intelligence"
    order: dict[str, dict[datetime, int]] = {}
    for close in MONTH_ENDS:
        for place, (coin, _) in enumerate(ranked(world, slug, close), 1):
            order.setdefault(coin, {})[close] = place
    ranks = (
        f"| {coin} | {' | '.join(str(places.get(close, '')) for close in MONTH_ENDS)} |"
        for coin, places in order.items()
    )
    return README.format(
        seed=seed,
        coins=len(world) - 1,
        closes=len(world["bitcoin"].times) - 1,
        first=f"{FIRST_CLOSE:%Y-%m-%d}",
        last=f"{LAST_CLOSE:%Y-%m-%d}",
        stored_since=f"{closes_stored()[0]:%Y-%m-%d}",
        events="\n".join(f"| {' | '.join(event)} |" for event in events(world)),
        top_n=top_n,
        after=top_n + 1,
        last_buffer=top_n + 2,
        month_ends=" | ".join(f"{close:%Y-%m-%d}" for close in MONTH_ENDS),
        dashes="|".join(["---"] * len(MONTH_ENDS)),
        ranks="\n".join(ranks),
    )


def write(world: World, seed: int, folder: Path) -> None:
    """Write the package's files, the same bytes for the same seed."""
    config = tomllib.loads((TUTORIAL / "config.toml").read_text(encoding="utf-8"))["providers"]["coingecko"]
    credit = f"Made-up data, seed {seed}"
    listed = {coin: path for coin, path in sorted(world.items()) if coin != DELISTED[0]}
    (folder / "stored").mkdir(parents=True, exist_ok=True)
    tables = {
        "market_caps": [row for path in listed.values() for row in observations(path)],
        "stored/raw.narrative_members": narrative_rows(world, config["narrative_top_n"]),
        "stored/raw.cohort_members": cohort_rows(world, min(config["range_lower_limits"])),
        "stored/raw.category_snapshots": category_rows(world),
        "stored/raw.market_caps": market_cap_rows(world, seed),
        "stored/raw.coins": coin_rows(world),
    }
    for name, rows in tables.items():
        write_parquet(folder / f"{name}.parquet", credit, rows)
    write_csv(
        folder / "coins.csv",
        ("coin_id", "symbol", "name", "circulating_supply"),
        ((coin, path.coin.symbol, path.coin.name, round(path.supplies[-1])) for coin, path in listed.items()),
    )
    write_csv(
        folder / "categories.csv",
        ("category_id", "name", "coin_id"),
        (
            (slug, name, coin)
            for slug, (name, coins) in sorted(CATEGORIES.items())
            for coin in sorted(coins)
            if coin in listed
        ),
    )
    (folder / "README.md").write_text(readme(world, seed, config["narrative_top_n"]), encoding="utf-8")


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One line a row."""
    with path.open("w", encoding="utf-8", newline="") as target:
        lines = csv.writer(target, lineterminator="\n")
        lines.writerow(names)
        lines.writerows(rows)


def write_parquet(path: Path, credit: str, rows: Rows) -> None:
    """Rows as columns; that they are made up stands in the metadata."""
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        kinds = {type(value) for value in values} - {type(None)}
        kind = pa.timestamp("ms", tz="UTC") if kinds == {datetime} else pa.int32() if kinds == {int} else None
        columns[name] = pa.array(values, pa.float64() if kinds == {int, float} else kind)
    numbers = [name for name, array in columns.items() if pa.types.is_floating(array.type)]
    pq.write_table(
        pa.table(columns).replace_schema_metadata({"source": credit}),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in columns if name not in numbers],
        use_byte_stream_split=numbers,
    )


def main(arguments: list[str]) -> int:
    """Make up the figures, and write them."""
    parser = argparse.ArgumentParser(description="Make up the tutorial's market caps.")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument("--out", type=Path, default=TUTORIAL, help="folder to write to (default: the package's)")
    given = parser.parse_args(arguments)
    write(make_world(given.seed, TUTORIAL / "cross_asset" / "bars.parquet"), given.seed, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
