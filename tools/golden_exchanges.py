"""Compute the tutorial's golden exchange tables, independently of the package's code.

Usage: ``python tools/golden_exchanges.py [FOLDER [OUT]]``. Reads the made-up figures in FOLDER (default
``marketflows_pipeline/tutorial/exchanges/``) and writes ``golden.<table>.parquet`` into OUT (default: the folder
above). It imports nothing of the package: plain loops, written from the descriptions of tables and columns, so that an
error would have to be made twice to go unseen. Clear before fast. Of each table it computes the columns that carry a
formula; where it covers only some rows of a table, the file's metadata say which (``covers``).
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FIGURES = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial" / "exchanges"
DAY = timedelta(days=1)
INFLOW_PCT, OUTFLOW_PCT = 10.0, -10.0
EXCLUDED_CATEGORIES = ("stablecoins", "wrapped-tokens")
SAME_TOKEN = {"WETH": "ETH", "WBNB": "BNB", "MATIC": "POL", "USDC.E": "USDC", "TRON": "TRX", "EUROC": "EURC"}
REASONS = ("new", "vanished", "dust", "absurd", "own_token", "unpriced", "negative", "quarantined")

Rows = list[dict[str, Any]]
Holding = tuple[float | None, float | None]  # quantity, value in USD


@dataclass(frozen=True)
class Inputs:
    """What the tutorial is given: the packaged files, row by row, and the moment at which its clock stands."""

    now: datetime
    coins: Rows
    exchanges: Rows
    charts: Rows
    trending: Rows
    members: Rows
    cexs: Rows
    protocols: Rows
    totals: Rows
    balances: Rows


def read_inputs(folder: Path) -> Inputs:
    """Read the packaged files."""
    coins, stored = (
        pq.read_table(FIGURES.parent / name).to_pylist()
        for name in ("market_caps.parquet", "stored/raw.market_caps.parquet")
    )
    return Inputs(
        now=max(row["ts"] for row in coins).astimezone(UTC),
        coins=[*coins, *stored],
        exchanges=_read_csv(folder / "exchanges.csv"),
        charts=pq.read_table(folder / "volume_charts.parquet").to_pylist(),
        trending=_read_csv(folder / "trending_coins.csv"),
        members=_read_csv(folder / "category_members.csv"),
        cexs=_read_csv(folder / "cexs.csv"),
        protocols=_read_csv(folder / "protocols.csv"),
        totals=pq.read_table(folder / "cex_tvl.parquet").to_pylist(),
        balances=pq.read_table(folder / "token_balances.parquet").to_pylist(),
    )


def _read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as lines:
        return [{name: text or None for name, text in row.items()} for row in csv.DictReader(lines)]


def number(text: str | None) -> float | None:
    """A number of a text file, or None where the field is empty."""
    return None if text is None else float(text)


def day_of(moment: datetime) -> date:
    """The date in UTC."""
    return moment.astimezone(UTC).date()


def day_of_record(moment: datetime) -> date:
    """The day that a daily record of reserves stands for: the one that begins at the midnight nearest to it."""
    return (moment.astimezone(UTC) + DAY / 2).date()


# Reserves and net flow


def holdings_by_day(inputs: Inputs) -> dict[str, dict[date, dict[str, Holding]]]:
    """Slug to day to token to holding, without the moment of asking; one asset under two symbols is added up."""
    result: dict[str, dict[date, dict[str, Holding]]] = {}
    for row in inputs.balances:
        if row["is_now"]:
            continue
        tokens = result.setdefault(row["slug"], {}).setdefault(day_of_record(row["ts"]), {})
        symbol = str(row["token"])
        token = SAME_TOKEN.get(symbol, symbol)
        quantity, value = tokens.get(token, (0.0, 0.0))
        # A sum with an unknown term is unknown.
        tokens[token] = (
            None if quantity is None or row["quantity"] is None else quantity + row["quantity"],
            None if value is None or row["value_usd"] is None else value + row["value_usd"],
        )
    return result


def worth(holding: Holding | None) -> float:
    """Value in USD, as far as there is one."""
    return (holding[1] if holding else None) or 0.0


def unknown_price(*holdings: Holding | None) -> str | None:
    """Why a holding that is there has no price above 0."""
    there = [holding for holding in holdings if holding is not None]
    if any(figure is not None and figure < 0 for holding in there for figure in holding):
        return "negative"
    is_without_value = any(quantity != 0 and not value for quantity, value in there)
    is_without_quantity = any(not quantity and value for quantity, value in there)
    return "unpriced" if is_without_value or is_without_quantity else None


def price_ratio(before: Holding | None, now: Holding | None) -> float | None:
    """The price over that before; None where either has none."""
    if not before or not now or not all((*before, *now)):
        return None
    (q0, v0), (q1, v1) = before, now
    assert q0 and q1 and v0 and v1  # noqa: PT018
    return (v1 / q1) / (v0 / q0)


def is_rebased(before: Holding, now: Holding, market: float) -> bool:
    """Whether the price jumps by more than 5 times and the quantity the other way, so that both cancel within 5 %.

    They may cancel by themselves or beside the market's move.
    """
    jump = price_ratio(before, now)
    assert jump
    value = worth(now) / worth(before)
    return (jump > 5 or jump < 1 / 5) and any(abs(ratio - 1) <= 0.05 + 1e-9 for ratio in (value, value / market))


def reason_of(token: str, before: Holding | None, now: Holding | None, own: set[str], dust_usd: float) -> str | None:
    """Why a token is left out, or None where it is kept."""
    if token in own:
        return "own_token"
    if fault := unknown_price(before, now):
        return fault
    if before is None or not before[0]:
        return "new"
    if now is None or not now[0]:
        return "vanished"
    if min(worth(before), worth(now)) < dust_usd:
        return "dust"
    flow, _ = flow_and_price_effect(before, now)
    return "absurd" if abs(flow) > 2 * max(worth(before), worth(now)) else None


def flow_and_price_effect(before: Holding, now: Holding) -> tuple[float, float]:
    """Change of quantity at one price, and change of price at the other quantity.

    The price is that of now, unless the value was larger before.
    """
    (q0, v0), (q1, v1) = before, now
    assert q0 and q1 and v0 is not None and v1 is not None  # noqa: PT018
    p0, p1 = v0 / q0, v1 / q1
    if v0 > v1:
        return (q1 - q0) * p0, q1 * (p1 - p0)
    return (q1 - q0) * p1, q0 * (p1 - p0)


def flow_and_price_effect_at_means(before: Holding, now: Holding) -> tuple[float, float]:
    """Change of quantity at the mean of both prices, and change of price at the mean of both quantities."""
    (q0, v0), (q1, v1) = before, now
    assert q0 and q1 and v0 is not None and v1 is not None  # noqa: PT018
    p0, p1 = v0 / q0, v1 / q1
    return (q1 - q0) * (p0 + p1) / 2, (p1 - p0) * (q0 + q1) / 2


def market_moves(held: dict[str, dict[date, dict[str, Holding]]]) -> dict[tuple[str, date, date], float]:
    """Token and two days to the median of its price ratios between them, where three exchanges or more have one."""
    ratios: dict[tuple[str, date, date], list[float]] = {}
    for records in held.values():
        for before, day in pairwise(sorted(records)):
            for token, now in records[day].items():
                if ratio := price_ratio(records[before].get(token), now):
                    ratios.setdefault((token, before, day), []).append(ratio)
    return {key: median(each) for key, each in ratios.items() if len(each) >= 3}


def day_flows(
    before: dict[str, Holding],
    now: dict[str, Holding],
    own: set[str],
    moves: dict[str, float],
    quarantined: Collection[str] = (),
) -> dict[str, float | None]:
    """The figures of one day against the record before it.

    Args:
        before: token to holding of the record before.
        now: the same of this one.
        own: the exchange's own tokens.
        moves: token to what the market's price of it did since.
        quarantined: tokens of which a part of either record is left out.
    """
    smaller = min(math.fsum(worth(held[token]) for token in held if token not in own) for held in (before, now))
    dust_usd = max(10_000.0, 0.0001 * smaller)
    pairs, pairs_at_means, kept, kept_before = [], [], [], []
    left_out: dict[str, list[float]] = {reason: [] for reason in REASONS}
    for token in sorted(before.keys() | now.keys()):
        old, new = before.get(token), now.get(token)
        reason = reason_of(token, old, new, own, dust_usd)
        if token in quarantined and reason != "own_token":
            reason = "quarantined"
        if reason in {None, "absurd"} and old and new and is_rebased(old, new, moves.get(token, 1.0)):
            # Counted on another basis: nothing moved, and all that the value changed is price.
            pairs.append((0.0, worth(new) - worth(old)))
            pairs_at_means.append((0.0, worth(new) - worth(old)))
            kept.append(worth(new))
            kept_before.append(worth(old))
        elif reason is None:
            assert old is not None
            assert new is not None
            pairs.append(flow_and_price_effect(old, new))
            pairs_at_means.append(flow_and_price_effect_at_means(old, new))
            kept.append(worth(new))
            kept_before.append(worth(old))
        else:
            left_out[str(reason)].append(worth(new) - worth(old))
    total = math.fsum(worth(holding) for holding in now.values())
    return {
        "reserves_usd": total,
        "netflow_usd": math.fsum(flow for flow, _ in pairs) if kept else None,
        "price_effect_usd": math.fsum(effect for _, effect in pairs) if kept else None,
        "netflow_mid_usd": math.fsum(flow for flow, _ in pairs_at_means) if kept else None,
        "price_effect_mid_usd": math.fsum(effect for _, effect in pairs_at_means) if kept else None,
        "left_out_usd": math.fsum(change for changes in left_out.values() for change in changes),
        "left_out_gross_usd": math.fsum(abs(change) for changes in left_out.values() for change in changes),
        **{f"left_out_{reason}_usd": math.fsum(changes) for reason, changes in left_out.items()},
        "coverage_pct": 100 * math.fsum(kept) / total,
        "coverage_before_pct": 100 * math.fsum(kept_before) / math.fsum(worth(holding) for holding in before.values()),
    }


def netflow_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.exchange_netflow: every day of every exchange, also of one whose sum only is known."""
    own_tokens = {row["slug"]: set((row["own_tokens"] or "").split(",")) for row in inputs.cexs}
    nothing = dict.fromkeys(
        (
            *("netflow_usd", "price_effect_usd", "netflow_mid_usd", "price_effect_mid_usd"),
            *("left_out_usd", "left_out_gross_usd", "coverage_pct", "coverage_before_pct"),
            *(f"left_out_{reason}_usd" for reason in REASONS),
        )
    )
    days_of_totals: dict[str, set[date]] = {}
    for row in inputs.totals:
        if not row["is_now"]:
            days_of_totals.setdefault(row["slug"], set()).add(day_of_record(row["ts"]))
    held = holdings_by_day(inputs)
    moves = market_moves(held)
    for slug, days in sorted(days_of_totals.items()):
        before, day_before = None, date.min
        for day in sorted(days | held.get(slug, {}).keys()):
            now = held.get(slug, {}).get(day)
            figures: dict[str, Any] = {
                "reserves_usd": None,
                **nothing,
                "coverage_pct": None,
                "coverage_before_pct": None,
            }
            if now is not None and before is not None:
                since = {token: moves.get((token, day_before, day), 1.0) for token in now}
                figures = day_flows(before, now, own_tokens[slug], since)
            elif now is not None:
                figures["reserves_usd"] = math.fsum(worth(holding) for holding in now.values())
            yield {"slug": slug, "day": day, **figures}
            if now:
                before, day_before = now, day


# Volumes


def volumes_by_day(inputs: Inputs) -> dict[str, dict[date, float]]:
    """Exchange to day to its volume at the day's last observation: of its chart, and of the list as of now."""
    observed: dict[str, list[tuple[datetime, float]]] = {}
    for row in inputs.charts:
        observed.setdefault(row["exchange_id"], []).append((row["ts"], row["volume_24h_btc"]))
    for row in inputs.exchanges:
        volume = number(row["volume_24h_btc"])
        if volume is not None:
            observed.setdefault(row["exchange_id"], []).append((inputs.now, volume))
    return {
        exchange_id: {day_of(ts): volume for ts, volume in sorted(points)} for exchange_id, points in observed.items()
    }


def flow_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.exchange_flows: volume now against its past week and its past 60 days, today left out."""
    volumes, today = volumes_by_day(inputs), day_of(inputs.now)
    for row in inputs.exchanges:
        past = volumes.get(row["exchange_id"], {})
        now = past.get(today)
        week = [past[today - n * DAY] for n in range(1, 8) if today - n * DAY in past]
        months = [past[today - n * DAY] for n in range(1, 61) if today - n * DAY in past]
        mean = math.fsum(week) / len(week) if len(week) >= 4 else None
        change = None if mean is None or now is None else 100 * (now / mean - 1)
        yield {
            "exchange_id": row["exchange_id"],
            "volume_7d_mean_btc": mean,
            "volume_change_pct": change,
            "volume_zscore": zscore(now, months),
            "history_days": len(months),
            "flow_direction": _direction(change),
        }


def zscore(value: float | None, past: list[float]) -> float | None:
    """How many sample standard deviations a value is above the mean of 20 or more others."""
    if value is None or len(past) < 20:
        return None
    mean = math.fsum(past) / len(past)
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in past) / (len(past) - 1))
    return (value - mean) / spread if spread else None


def _direction(change: float | None) -> str | None:
    if change is None:
        return None
    if change > INFLOW_PCT:
        return "inflow"
    return "outflow" if change < OUTFLOW_PCT else "stable"


TRACKED_SPOT = {"measure": "spot_volume", "segment": "tracked"}


def tracked_by_day(inputs: Inputs) -> dict[date, dict[str, float]]:
    """Day to exchange to volume, of the tracked exchanges, those that have a chart, over the fixed set of them.

    Members are measured on 90 % of the days of the last 90 on which anybody is; a day counts where the members missing
    on it make up at most 1 % by their mean shares of all that are measured.
    """
    tracked = {row["exchange_id"] for row in inputs.charts}
    by_day: dict[date, dict[str, float]] = {}
    for key, volumes in volumes_by_day(inputs).items():
        for day, volume in volumes.items():
            if key in tracked and volume > 0:
                by_day.setdefault(day, {})[key] = volume
    window = [day for day in by_day if day > max(by_day) - 90 * DAY]
    shares: dict[str, list[float]] = {}
    for day in window:
        for key, volume in by_day[day].items():
            shares.setdefault(key, []).append(100 * volume / math.fsum(by_day[day].values()))
    means = {key: math.fsum(each) / len(each) for key, each in shares.items() if len(each) >= 0.9 * len(window)}
    if len(means) < 2:
        return {}
    return {
        day: {key: volume for key, volume in by_day[day].items() if key in means}
        for day in sorted(by_day)
        if math.fsum(mean for key, mean in means.items() if key not in by_day[day]) <= 1
    }


def share_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.exchange_shares of the tracked exchanges' spot volume."""
    for day, volumes in sorted(tracked_by_day(inputs).items()):
        total = math.fsum(volumes.values())
        for rank, exchange_id in enumerate(sorted(volumes, key=lambda key: (-volumes[key], key)), 1):
            yield {
                **TRACKED_SPOT,
                "day": day,
                "exchange_key": exchange_id,
                "rank": rank,
                "value": volumes[exchange_id],
                "share_pct": 100 * volumes[exchange_id] / total,
                "fixed_share_pct": 100 * volumes[exchange_id] / total,
            }


def dominance_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.exchange_dominance of the tracked exchanges' spot volume."""
    by_day: dict[date, list[float]] = {}
    for row in share_rows(inputs):
        by_day.setdefault(row["day"], []).append(row["share_pct"])
    for day, shares in sorted(by_day.items()):
        largest = sorted(shares, reverse=True)
        yield {
            **TRACKED_SPOT,
            "day": day,
            "n_exchanges": len(shares),
            **{f"top_{n}_dominance_pct": math.fsum(largest[:n]) for n in (1, 3, 5)},
            "hhi_index": math.fsum(share**2 for share in shares),
            "fixed_hhi_index": math.fsum(share**2 for share in shares),
            **change_of_index(inputs, day),
        }


def change_of_index(inputs: Inputs, day: date) -> dict[str, Any]:
    """The index 30 days before and its change since, both over the exchanges measured on both days."""
    by_day = tracked_by_day(inputs)
    both = sorted(by_day[day].keys() & by_day.get(day - 30 * DAY, {}).keys())
    if len(both) < 2:
        return {"hhi_30d_ago": None, "hhi_change_30d": None}
    then, now = ([by_day[when][key] for key in both] for when in (day - 30 * DAY, day))
    before, after = (math.fsum((100 * part / math.fsum(parts)) ** 2 for part in parts) for parts in (then, now))
    return {"hhi_30d_ago": before, "hhi_change_30d": after - before}


# Coins and protocols


def whale_rows(inputs: Inputs) -> list[dict[str, Any]]:
    """mart.whale_signals: volume over cap of trending coins and all others, now against the past 60 days.

    A coin that was last seen more than 3 hours ago is left out. The change is from the price nearest to a day before,
    of those at most 90 minutes off.
    """
    today, past, newest = day_of(inputs.now), {}, {}
    seen: dict[str, dict[datetime, float]] = {}
    for row in sorted(inputs.coins, key=lambda row: row["ts"]):
        ratio, day, prices = (
            100 * row["volume_usd"] / row["market_cap_usd"],
            day_of(row["ts"]),
            seen.setdefault(row["coin_id"], {}),
        )
        prices[row["ts"]] = row["price_usd"]
        if inputs.now - row["ts"] <= timedelta(hours=3):
            newest[row["coin_id"]] = (ratio, change_since(prices, row["ts"] - DAY, row["price_usd"]))
        if today - 60 * DAY <= day < today:
            past.setdefault(row["coin_id"], {})[day] = ratio
    for coin in inputs.trending:
        cap, volume = number(coin["market_cap_usd"]), number(coin["volume_24h_usd"])
        if cap and volume is not None:
            newest[coin["coin_id"]] = (100 * volume / cap, number(coin["price_change_24h_pct"]))
    excluded = {row["coin_id"] for row in inputs.members if row["category"] in EXCLUDED_CATEGORIES}
    rows = []
    for coin_id, (ratio, change) in newest.items():
        if coin_id in excluded:
            continue
        z = zscore(ratio, list(past.get(coin_id, {}).values()))
        rows.append(
            {
                "coin_id": coin_id,
                "volume_to_mcap_pct": ratio,
                "volume_zscore": z,
                "price_change_24h_pct": change,
                "is_unusual": ratio > 10 if z is None else z >= 2,
                "whale_activity_score": min(10.0, max(0.0, ratio / 5 if z is None else 2 * z)),
                "score_basis": "ratio" if z is None else "zscore",
                "ratio_heuristic": min(10, int(ratio / 5)),
                "signal_type": {1: "accumulation", -1: "distribution"}.get(_sign(change)),
            }
        )
    rows.sort(
        key=lambda row: (
            not row["is_unusual"],
            -row["whale_activity_score"],
            -row["volume_to_mcap_pct"],
            row["coin_id"],
        )
    )
    return [row | {"rank": rank} for rank, row in enumerate(rows, 1)]


def change_since(prices: dict[datetime, float], moment: datetime, price: float) -> float | None:
    """Percent from the price nearest to a moment; None where it is more than 90 minutes off."""
    nearest = min(prices, key=lambda ts: abs(ts - moment))
    return 100 * (price / prices[nearest] - 1) if abs(nearest - moment) <= timedelta(minutes=90) else None


def _sign(value: float | None) -> int:
    return 0 if not value else 1 if value > 0 else -1


def tvl_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.exchange_tvl: places and shares among the exchanges of each kind that are measured.

    A centralised exchange that is not measured has a row; a decentralised one has none.
    """
    cexs: list[tuple[str, float | None, float | None]] = [
        (row["slug"] or row["name"].lower(), number(row["current_tvl_usd"]), number(row["clean_assets_tvl_usd"]))
        for row in inputs.cexs
    ]
    dexs: list[tuple[str, float | None, float | None]] = [
        (row["slug"], number(row["tvl_usd"]), None)
        for row in inputs.protocols
        if row["category"] == "Dexs" and number(row["tvl_usd"]) is not None
    ]
    for kind, rows in (("cex", cexs), ("dex", dexs)):
        sizes = sorted((tvl for _, tvl, _ in rows if tvl is not None), reverse=True)
        clean_sizes = [clean for _, _, clean in rows if clean is not None]
        for slug, tvl, clean in rows:
            yield {
                "kind": kind,
                "slug": slug,
                "rank": None if tvl is None else sizes.index(tvl) + 1,
                "tvl_dominance_pct": _share(tvl, sizes),
                "clean_dominance_pct": _share(clean, clean_sizes),
            }


def _share(part: float | None, parts: list[float]) -> float | None:
    return None if part is None else 100 * part / math.fsum(parts)


TABLES: dict[str, tuple[Callable[[Inputs], Any], dict[str, str]]] = {
    "mart.exchange_netflow": (netflow_rows, {}),
    "mart.exchange_flows": (flow_rows, {}),
    "mart.exchange_shares": (share_rows, TRACKED_SPOT),
    "mart.exchange_dominance": (dominance_rows, TRACKED_SPOT),
    "mart.whale_signals": (whale_rows, {}),
    "mart.exchange_tvl": (tvl_rows, {}),
}
TYPES = {
    "day": pa.date32(),
    "is_unusual": pa.bool_(),
    **dict.fromkeys(("rank", "history_days", "n_exchanges", "ratio_heuristic"), pa.int32()),
    **dict.fromkeys(
        ("slug", "exchange_id", "exchange_key", "coin_id", "kind", "measure", "segment", "score_basis"), pa.string()
    ),
    **dict.fromkeys(("flow_direction", "signal_type"), pa.string()),
}


def main(arguments: list[str]) -> int:
    """Compute all tables and write them."""
    folder = Path(arguments[0]) if arguments else FIGURES
    out = Path(arguments[1]) if len(arguments) > 1 else folder.parent
    inputs = read_inputs(folder)
    for name, (rows_of, covers) in TABLES.items():
        rows = list(rows_of(inputs))
        types = {column: TYPES.get(column, pa.float64()) for column in rows[0]}
        columns = {column: pa.array([row[column] for row in rows], kind) for column, kind in types.items()}
        pq.write_table(
            pa.table(columns).replace_schema_metadata({"covers": json.dumps(covers)}),
            out / f"golden.{name}.parquet",
            compression="zstd",
            compression_level=19,
            use_dictionary=[column for column, kind in types.items() if not pa.types.is_floating(kind)],
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
