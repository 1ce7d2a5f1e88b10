"""Interpolate irregular observations onto one even time grid for all coins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.ordering import in_order, is_first_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_HOURLY_DAYS = 90
_TS = pl.col("ts")


@dataclass(frozen=True)
class GridSpec:
    """The times of a grid: from ``start`` to ``end``, both included, ``step`` apart.

    Attributes:
        start: first grid time, aware.
        end: last grid time, aware, a whole number of steps after ``start``.
        step: distance between neighbours.
    """

    start: datetime
    end: datetime
    step: timedelta

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a grid's start and end must be timezone-aware")
        if self.step <= timedelta(0) or self.end < self.start or (self.end - self.start) % self.step:
            raise ValueError(f"no whole number of steps of {self.step} leads from {self.start} to {self.end}")

    @classmethod
    def from_window(cls, now: datetime, days: int) -> GridSpec:
        """The grid of the last ``days`` days: 5 minutes apart for one day, hourly up to 90, daily above.

        Both ends are floored to the step in UTC, so the window is ``days`` long and ends at or before ``now``.
        """
        if days <= 1:
            step = timedelta(minutes=5)
        elif days <= _MAX_HOURLY_DAYS:
            step = timedelta(hours=1)
        else:
            step = timedelta(days=1)
        return cls(start=_floor(now - timedelta(days=days), step), end=_floor(now, step), step=step)

    def since(self, first: datetime) -> GridSpec:
        """The part of the grid that begins at the last grid time at or before ``first``; all of it where none is."""
        if first <= self.start:
            return self
        return replace(self, start=min(self.start + (first - self.start) // self.step * self.step, self.end))

    @property
    def n_times(self) -> int:
        """How many grid times there are."""
        return (self.end - self.start) // self.step + 1

    def steps_to(self, moment: pl.Expr) -> pl.Expr:
        """How many steps after the start a moment lies, as a float."""
        return _since(self.start, moment) / (self.step / timedelta(microseconds=1))

    def times(self) -> pl.Series:
        """The grid times as a series named ``ts``, ascending, in UTC."""
        return pl.datetime_range(self.start, self.end, self.step, time_unit="us", time_zone="UTC", eager=True).alias(
            "ts"
        )


def _floor(moment: datetime, step: timedelta) -> datetime:
    moment = moment.astimezone(UTC)
    return moment - (moment - _EPOCH) % step


def market_cap_grid(observations: pl.DataFrame, spec: GridSpec) -> pl.DataFrame:
    """Each coin's market cap and price at each grid time.

    Between two observations ``(t0, c0)`` and ``(t1, c1)`` the cap at ``t`` is ``c0 + (c1 - c0) (t - t0) / (t1 - t0)``;
    before a coin's first and after its last observation that observation is held. Observations outside the window
    serve as neighbours. Appending later observations changes nothing at or before the last one there was. The price
    follows from the prices of the same observations in the same way; it is null where one that it needs is null.

    ``fill`` is ``observed`` where an observation lies within half a step (both ends included), else ``interpolated``
    between two observations, ``before_first`` or ``after_last``.

    Args:
        observations: coin_id, ts, market_cap_usd as `clean_observations` returns them, and price_usd; without that
            column no price is known.
        spec: the grid.

    Returns:
        coin_id, ts, market_cap_usd, price_usd, fill by (coin_id, ts): every grid time of every coin that has an
        observation.
    """
    # Coin and grid time become one ascending integer, so that a linear merge finds all neighbours: several times
    # faster and leaner than a join by coin.
    n_slots = spec.n_times + 1
    steps = spec.steps_to(_TS)
    price = pl.col("price_usd") if "price_usd" in observations.columns else pl.lit(None, pl.Float64).alias("price_usd")
    observed = in_order(observations.select("coin_id", "ts", "market_cap_usd", price), "coin_id", "ts").with_columns(
        coin=(pl.col("coin_id") != pl.col("coin_id").shift(1)).cum_sum().fill_null(0).cast(pl.UInt32)
    )
    first_slot = pl.col("coin") * pl.lit(n_slots, pl.UInt32)
    before = observed.lazy().select(
        slot=first_slot + steps.ceil().clip(0, spec.n_times).cast(pl.UInt32),
        before_coin="coin",
        before_us=_since(spec.start),
        before_cap="market_cap_usd",
        before_price="price_usd",
    )
    after = observed.lazy().select(
        slot=first_slot + (steps.floor().clip(-1, spec.n_times - 1) + 1).cast(pl.UInt32),
        after_coin="coin",
        after_us=_since(spec.start),
        after_cap="market_cap_usd",
        after_price="price_usd",
    )
    times = spec.times().to_frame().lazy().with_row_index("time")
    coins = observed.lazy().filter(is_first_of("coin")).select("coin", "coin_id")
    return (
        coins.join(times, how="cross", maintain_order="left_right")
        .with_columns(slot=(first_slot + pl.col("time")).set_sorted())
        .join_asof(before.set_sorted("slot"), on="slot", strategy="backward")
        .with_columns(slot=(pl.col("slot") + 1).set_sorted())
        .join_asof(after.set_sorted("slot"), on="slot", strategy="forward")
        .with_columns(
            at=_since(spec.start),
            has_before=(pl.col("before_coin") == pl.col("coin")).fill_null(value=False),
            has_after=(pl.col("after_coin") == pl.col("coin")).fill_null(value=False),
        )
        .select(
            "coin_id",
            "ts",
            market_cap_usd=_interpolated("cap"),
            price_usd=_interpolated("price"),
            fill=_fill(spec.step),
        )
        .collect()
    )


def _since(start: datetime, moment: pl.Expr = _TS) -> pl.Expr:
    """Microseconds since ``start``, as a float: whole numbers far below 2^53, so nothing is lost."""
    return (moment.dt.timestamp("us") - pl.lit(start).dt.timestamp("us")).cast(pl.Float64)


def _interpolated(figure: str) -> pl.Expr:
    t0, t1, c0, c1 = (pl.col(name) for name in ("before_us", "after_us", f"before_{figure}", f"after_{figure}"))
    return (
        pl.when(~pl.col("has_before"))
        .then(c1)
        .when(~pl.col("has_after") | (t0 == t1))
        .then(c0)
        .otherwise(c0 + (c1 - c0) * ((pl.col("at") - t0) / (t1 - t0)))
    )


def _fill(step: timedelta) -> pl.Expr:
    half = step / timedelta(microseconds=2)
    has_before, has_after = pl.col("has_before"), pl.col("has_after")
    near_before = has_before & (pl.col("at") - pl.col("before_us") <= half)
    near_after = has_after & (pl.col("after_us") - pl.col("at") <= half)
    return first_that_holds(
        (near_before | near_after, "observed"),
        (~has_before, "before_first"),
        (~has_after, "after_last"),
        otherwise="interpolated",
    )
