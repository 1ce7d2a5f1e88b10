"""Simulate the market of the tutorial's cross-asset part, into ``marketflows_pipeline/tutorial/cross_asset/``.

Usage: ``python tools/make_cross_asset_tutorial_data.py [--seed 1] [--out FOLDER]``. It ends on the day before the
tutorial's clock, so that no figure is from its future. The other parts take the prices of bitcoin and ether from its
bars: run ``tools/make_tutorial_data.py``, then ``tools/golden_cross_asset.py`` afterwards.

Symbols are those of well-known funds, because the settings name them; every figure beside them is drawn at random from
chosen beginnings by ``cross_asset_simulation.py``, and none is taken from a record. The signal in it
is known: the best possible AUC, over 200 further markets of the same simulation, stands in every file's metadata.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cross_asset_simulation import (
    ASSETS,
    DAY,
    FIRST,
    FLOW_SCALE,
    HORIZONS,
    ITS_COIN,
    LAST_QUARTER,
    PERSISTENCE,
    PULL,
    Asset,
    Paths,
    best_auc,
    sessions_until,
    simulate,
)
from tutorial_world import AS_OF, TUTORIAL

N_MARKETS = 200
CREATION_UNIT = 50_000
COINS = ("BTC", "ETH")

SPLITS = {"SLV": (date(2025, 6, 9), 10), "IWM": (date(2013, 6, 10), 2)}
INJECTED = {"SPY": -1.2, "GLD": 1.2, "IBIT": 1.2}
IN_PRESENT_SHARES = ("IWM",)
RESTATED = ("TLT", date(2025, 11, 12), 0.97)
ASSETS_ONLY = ("DIA", date(2025, 7, 7), date(2025, 7, 18))
NO_SHARES = ("IWM", date(2025, 10, 20), date(2025, 10, 22))
NO_BAR = (("HYG", date(2025, 8, 13)), ("BTC", date(2025, 5, 3)))
NO_INDEX = (("VIX", date(2025, 9, 16)), ("VIX3M", date(2025, 12, 9)), ("VIX3M", date(2025, 12, 10)))

README = """# The tutorial's cross-asset market: synthetic

Every figure here is made up by `tools/make_cross_asset_tutorial_data.py` from seed {seed}: seeded random numbers from
chosen beginnings, on a calendar of its own, up to the moment at which the tutorial's clock stands. Symbols are those of
well-known funds and coins, because the settings name them; no figure says anything about them.

`bars.parquet` has prices adjusted for splits, `actions.parquet` dividends and splits, `shares.parquet` shares, net
asset values and, where shares are withheld, net assets of the funds whose issuer publishes them (QQQ's does not),
`volatility.parquet` VIX and VIX3M. Bitcoin and ether have prices only; their supply, and so their issuance, is that of
`market_caps.parquet` in the folder above, where they cost the same.

## What there is to be found

A fund's flow is `s[t]` times 0.2 % of its shares beside a steady growth; `s` has mean 0 and deviation 1 and keeps
{persistence} of itself from one session to the next. A return has a drift of {pull} of its volatility times `s` of two
sessions before: a flow is published after its session and works from the session after that. IBIT's flows move bitcoin,
and IBIT with it. QQQ and ETH, and BTC by its own figures, cannot be forecast at all.

Of {markets} markets of this simulation, the best possible AUC of the direction of the close: of each asset over time
(0.5 where there is nothing to know), and by date among the assets, whose drifts differ too. No model can be expected to
do better, and one that has to learn from one market does less well.

| asset | 5 sessions | 20 sessions |
|---|---|---|
{aucs}

## Injected events

| asset | what | session |
|---|---|---|
{events}

`tools/golden_cross_asset.py` computes what the tables must hold from these files alone.
"""


def bars_of(chance: np.random.Generator, paths: Paths, sessions: list[date], at: int) -> list[dict[str, Any]]:
    """Daily bars of one asset; a coin's moves over a weekend are spread over its days."""
    asset = ASSETS[at]
    moves = {day: paths.log_return[place, 0, at] for place, day in enumerate(sessions)}
    fear = {day: paths.log_vix[place, 0] - np.log(17.0) for place, day in enumerate(sessions)}
    surprise = {day: abs(paths.surprise[place, 0, at]) for place, day in enumerate(sessions)}
    volatility = asset.volatility or ASSETS[ITS_COIN].volatility
    rows, price, before, waiting = [], asset.first_price, None, []
    for n in range((sessions[-1] - asset.since).days + 1):
        day = asset.since + n * DAY
        waiting.append(day)
        if day not in moves:
            continue
        days = waiting if asset.symbol in COINS else [day]
        steps = chance.normal(size=len(days)) * volatility
        steps += (moves[day] if rows else 0.0) / len(days) - steps.mean()
        for each, step in zip(days, steps, strict=True):
            price *= float(np.exp(step))
            close = round(price, 2)
            noise = chance.normal(size=4) * volatility * np.exp(0.5 * fear[day])
            first = round((before or close) * float(np.exp(0.35 * noise[0])), 2)
            busy = float(np.exp(0.25 * noise[3] / volatility + 0.3 * surprise[day] + 0.4 * fear[day]))
            growing = (price / asset.first_price) ** 0.5 if asset.symbol in COINS else 1.0
            rows.append(
                {
                    "symbol": asset.symbol,
                    "session": each,
                    "open_usd": first,
                    "high_usd": round(max(first, close) * float(np.exp(0.4 * abs(noise[1]))), 2),
                    "low_usd": round(min(first, close) * float(np.exp(-0.4 * abs(noise[2]))), 2),
                    "close_usd": close,
                    # Three digits, as if rounded by the service.
                    "volume": int(float(f"{1e6 * asset.traded * growing * busy:.2e}")),
                    "volume_unit": "usd" if asset.symbol in COINS else "shares",
                }
            )
            before = close
        waiting = []
    return rows


def actions_of(asset: Asset, bars: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A quarter's dividend on its last month's first session from the 15th, and the split; fills adjusted closes in."""
    found, factor = [], 1.0
    for before, row in pairwise(bars):
        day = row["session"]
        is_due = day.month % 3 == 0 and before["session"].day < 15 <= day.day
        if asset.quarterly_yield and is_due:
            value = round(asset.quarterly_yield * before["close_usd"], 3)
            found.append({"symbol": asset.symbol, "session": day, "action": "dividend", "value": value})
    paid = {action["session"]: action["value"] for action in found}
    for before, row in zip([None, *bars][-2::-1], bars[::-1], strict=True):
        row["adjusted_close_usd"] = round(row["close_usd"] * factor, 2)
        if before and row["session"] in paid:
            factor *= 1 - paid[row["session"]] / before["close_usd"]
    if asset.symbol in SPLITS:
        day, ratio = SPLITS[asset.symbol]
        found.append({"symbol": asset.symbol, "session": day, "action": "split", "value": float(ratio)})
    return sorted(found, key=lambda action: action["session"])


def shares_of(
    chance: np.random.Generator, paths: Paths, bars: list[dict[str, Any]], place: dict[date, int], at: int
) -> list[dict[str, Any]]:
    """Figures of one fund's issuer, as traded or in present shares, with what it withholds and restates."""
    asset, rows, shares = ASSETS[at], [], 0
    convention = "split_adjusted" if asset.symbol in IN_PRESENT_SHARES else "as_traded"
    split, ratio = SPLITS.get(asset.symbol, (date.min, 1)) if convention == "as_traded" else (date.min, 1)
    for row in bars:
        day = row["session"]
        change = asset.growth + FLOW_SCALE * paths.signal[place[day], 0, at]
        exact = shares * (1 + change) if shares else 1e6 * asset.shares
        shares = CREATION_UNIT * round(exact / CREATION_UNIT)
        nav = round(row["close_usd"] * (1 + 0.0003 * chance.normal()), 2)
        at_once = ratio if day < split else 1
        figures = {"symbol": asset.symbol, "session": day, "vintage": 1, "nav_usd": nav * at_once}
        figures |= {"shares": shares // at_once, "net_assets_usd": None, "convention": convention}
        if asset.symbol == ASSETS_ONLY[0] and ASSETS_ONLY[1] <= day <= ASSETS_ONLY[2]:
            figures |= {"shares": None, "net_assets_usd": shares * nav}
        if (asset.symbol, day) == RESTATED[:2]:
            wrong = CREATION_UNIT * round(RESTATED[2] * shares / CREATION_UNIT)
            rows.append(figures | {"shares": wrong})
            figures["vintage"] = 2
        if not (asset.symbol == NO_SHARES[0] and NO_SHARES[1] <= day <= NO_SHARES[2]):
            rows.append(figures)
    return rows


def indices_of(chance: np.random.Generator, paths: Paths, sessions: list[date]) -> list[dict[str, Any]]:
    """VIX, and VIX3M that follows it by three fifths and by two fifths its own slow mean."""
    closes: dict[str, list[float]] = {"VIX": [], "VIX3M": []}
    slow = paths.log_vix[0, 0]
    for level in paths.log_vix[:, 0]:
        slow += (level - slow) / 40
        closes["VIX"].append(float(np.exp(level)))
        closes["VIX3M"].append(float(np.exp(0.6 * level + 0.4 * slow + 0.11 + 0.012 * chance.normal())))
    return [
        {"index_name": name, "session": day, "close": round(close, 2)}
        for name, values in closes.items()
        for day, close in zip(sessions, values, strict=True)
        if (name, day) not in NO_INDEX
    ]


def events_of(paths: Paths, sessions: list[date]) -> list[tuple[str, str, date]]:
    """The injected events, and the sharpest falls that chance brought."""
    ways = {-1: "outflows", 1: "inflows"}
    lasting = f"for the last {LAST_QUARTER} sessions, from"
    falls = [sessions[at] for at in np.flatnonzero(paths.falls[:, 0])]
    return [
        *(
            (name, f"{ways[int(np.sign(shift))]} {lasting}", sessions[-LAST_QUARTER])
            for name, shift in INJECTED.items()
        ),
        *((name, f"split {ratio}:1", day) for name, (day, ratio) in SPLITS.items()),
        ("IWM", "its issuer states all shares in present ones, the others as of their day, from", FIRST),
        (RESTATED[0], f"shares first published {1 - RESTATED[2]:.0%} too low, then restated (vintage 2)", RESTATED[1]),
        (ASSETS_ONLY[0], f"net assets without shares, until {ASSETS_ONLY[2]}, from", ASSETS_ONLY[1]),
        (NO_SHARES[0], f"no shares, until {NO_SHARES[2]}, from", NO_SHARES[1]),
        *((name, "no bar", day) for name, day in NO_BAR),
        *((name, "no value", day) for name, day in NO_INDEX),
        *(("all", "a sharp fall, and VIX jumps", day) for day in falls[-6:]),
    ]


def make_up(seed: int, last: date, folder: Path) -> None:
    """Draw the market and write it, the same bytes for the same seed and last session."""
    sessions, chance = sessions_until(last), np.random.default_rng(seed)
    place = {day: at for at, day in enumerate(sessions)}
    paths = simulate(chance, sessions, 1, INJECTED)
    bars, actions, shares = [], [], []
    for at, asset in enumerate(ASSETS):
        own = bars_of(chance, paths, sessions, at)
        actions += actions_of(asset, own)
        shares += shares_of(chance, paths, own, place, at) if asset.shares else []
        bars += [row for row in own if (asset.symbol, row["session"]) not in NO_BAR]
    indices = indices_of(chance, paths, sessions)
    aucs = best_auc(simulate(np.random.default_rng(seed + 1), sessions, N_MARKETS, {}), sessions)

    folder.mkdir(parents=True, exist_ok=True)
    about = {"source": f"Made-up data, seed {seed}", "planted_auc": json.dumps(aucs)}
    for name, rows in {"bars": bars, "actions": actions, "shares": shares, "volatility": indices}.items():
        write_parquet(folder / f"{name}.parquet", about, rows)
    short, long = (aucs[str(horizon)] for horizon in HORIZONS)
    text = README.format(
        seed=seed,
        persistence=PERSISTENCE,
        pull=PULL,
        markets=N_MARKETS,
        aucs="\n".join(f"| {name} | {short[name]:.3f} | {long[name]:.3f} |" for name in short),
        events="\n".join(f"| {name} | {what} | {day} |" for name, what, day in events_of(paths, sessions)),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def write_parquet(path: Path, about: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Rows as columns; money as decimals of a cent, which pack far smaller than floating-point numbers."""
    whole = {"volume": pa.int64(), "shares": pa.int64(), "vintage": pa.int8(), "session": pa.date32()}
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in whole or isinstance(values[0], str):
            columns[name] = pa.array(values, whole.get(name, pa.string()))
        else:
            digits = 3 if name == "value" else 2
            exact = [None if value is None else Decimal(f"{value:.{digits}f}") for value in values]
            columns[name] = pa.array(exact, pa.decimal128(18, digits))
    few = [name for name, array in columns.items() if pa.types.is_string(array.type) or name == "volume"]
    packed = dict.fromkeys(columns.keys() - set(few), "DELTA_BINARY_PACKED")
    pq.write_table(
        pa.table(columns).replace_schema_metadata(about),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=few,
        column_encoding=packed,
        store_decimal_as_integer=True,
    )


def main(arguments: list[str]) -> int:
    """Make up the market, and write it."""
    parser = argparse.ArgumentParser(description="Make up the tutorial's cross-asset market.")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1, and not chosen)")
    parser.add_argument("--out", type=Path, default=TUTORIAL / "cross_asset", help="folder (default: the package's)")
    given = parser.parse_args(arguments)
    # The clock stands before New York's close, so the last session is that of the day before.
    make_up(given.seed, AS_OF.date() - DAY, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
