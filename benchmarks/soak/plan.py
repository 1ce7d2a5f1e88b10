"""What a soak goes through: how long, how many coins, which changes, faults, outages and kills."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.soak.injected_faults import Injection, injected_by_day, injected_by_hour
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.defillama.protocols import Cast, make_cast
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.market import FakeCategory, FakeCoin, Market, Membership, to_ms

# The first of a month: backfill, ticks and repairs all fall on the credits of one month.
START = datetime(2026, 10, 1, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)

NARRATIVES = ("layer-1", "meme-token")
PORTFOLIO = ("ethereum", "hedera-hashgraph", "wrapped-bitcoin")
BASES = ("bitcoin",)
TRACKED = ("binance", "kraken", "okex")
JOINS, LEAVES, DELISTED, DROPPED_NARRATIVE = "chainlink", "cardano", "hedera-hashgraph", "meme-token"

# Where a run is killed, in turn, and the steps of the job by which each is known.
PHASES: Mapping[str, tuple[str, ...]] = {
    "ingest": ("ingest_",),
    "transforms": ("core__", "mart__"),
    "publish": ("published__",),
    "checks": ("raw__",),
    "charts": ("pictures__",),
}
NEEDS_REFRESH = ("transforms", "charts")


@dataclass(frozen=True)
class Plan:
    """A simulation in numbers.

    Attributes:
        ticks: hourly runs.
        kills: runs that are killed.
        coins: coins listed at the start.
        seed: of market, faults and kills.
        days: window of the settings.
        refresh_every: every so many ticks the whole job runs, with derived tables and charts.
        outage_ticks: how long the service is down, halfway through.
        fault_rate: share of answers that are spoilt.
    """

    ticks: int = 720
    kills: int = 12
    coins: int = 300
    seed: int = 7
    days: int = 30
    refresh_every: int = 24
    outage_ticks: int = 5
    fault_rate: float = 0.05

    def at(self, tick: int) -> datetime:
        """When a tick is due."""
        return START + tick * HOUR

    def is_refresh(self, tick: int) -> bool:
        """Whether the whole job runs."""
        return tick % self.refresh_every == 0

    @property
    def outage(self) -> range:
        """Ticks at which the service answers nothing but 503."""
        first = self.ticks // 2 + 1
        return range(first, first + self.outage_ticks)

    def kill_phases(self) -> dict[int, str]:
        """Tick to the phase in which its run is killed: the backfill first, then at random.

        No two in a row, so that each shows whether the next run heals.

        Raises:
            ValueError: if there are too few ticks for so many kills.
        """
        rng = random.Random(self.seed)
        chosen = {0: "ingest"} if self.kills else {}
        taken = {0, 1, *self.outage, self.outage.stop, self.ticks - 1}
        for number in range(1, self.kills):
            phase = tuple(PHASES)[number % len(PHASES)]
            of_kind = (t for t in range(self.ticks) if self.is_refresh(t) == (phase in NEEDS_REFRESH))
            free = [tick for tick in of_kind if tick not in taken]
            if not free:
                raise ValueError(f"{self.ticks} ticks are too few for {self.kills} kills")
            tick = rng.choice(free)
            chosen[tick] = phase
            taken |= {tick - 1, tick, tick + 1}
        return chosen

    def is_daily(self, tick: int) -> bool:
        """Whether what is asked for once a day is asked for too, as at 01:25."""
        return tick % 24 == 1

    def injected(self) -> dict[int, Sequence[Injection]]:
        """Tick to the faults injected in its run: all in the first days, none beside a kill, an outage or a daily run.

        Raises:
            ValueError: if there are too few ticks for all of them.
        """
        first, *later = injected_by_hour(START)
        kills = self.kill_phases()
        taken = {0, *self.outage, self.outage.stop, self.poisoned, self.ticks - 1}
        taken |= {tick + near for tick in kills for near in (-1, 0, 1)}
        busy = taken | {tick for tick in range(self.ticks) if self.is_daily(tick) or self.is_refresh(tick)}
        free = [tick for tick in range(self.ticks) if tick not in busy]
        if len(free) < len(later):
            raise ValueError(f"{self.ticks} ticks are too few for {len(later)} injected faults")
        return {0: first} | {free[at * len(free) // len(later)]: faults for at, faults in enumerate(later)}

    def injected_daily(self) -> dict[int, Sequence[Injection]]:
        """Tick to the faults injected in its daily run."""
        days = (tick for tick in range(self.ticks) if self.is_daily(tick) and tick not in self.outage)
        return dict(zip(days, injected_by_day(), strict=False))

    @property
    def poisoned(self) -> int:
        """Tick before which impossible rows are written into the private file, as an earlier version stored them."""
        return self.refresh_every

    def reserves(self) -> Cast:
        """Who holds what, for the exchange part."""
        return make_cast(self.seed, START, days=60, fillers=20)

    def market(self) -> Market:
        """A market in which, at the latest, coins and members come and go at the thirds of this simulation."""
        market = generate(self.coins, self.seed, start=START)
        third, half = to_ms(self.at(self.ticks // 3)), to_ms(self.at(self.ticks // 2 - 2))
        coins = [_changed(coin, third, half) for coin in market.coins]
        listed = replace(coins[0], id="listed-at-a-third", symbol="lat", name="Listed at a third", seed=self.seed,
                         supply=coins[0].supply / 50, memberships=(), listed_at_ms=third)  # fmt: skip
        removed_ms = to_ms(self.at(self.ticks * 2 // 3))
        categories = [
            FakeCategory(category.slug, category.name, removed_ms) if category.slug == DROPPED_NARRATIVE else category
            for category in market.categories
        ]
        return Market([*coins, listed], categories)

    def write_settings(self, folder: Path, service_url: str, reserves_url: str, published: Path) -> None:
        """config.toml and secrets.toml: few pictures, everything else as people have it."""
        (folder / "config.toml").write_text(
            f"""
            [providers.coingecko]
            base_url = "{service_url}"
            days = {self.days}
            narratives = {list(NARRATIVES)}
            base_assets = {list(BASES)}
            range_lower_limits = [1e8, 1e9, 1e10]
            exclude_categories = []

            [providers.coingecko.asset_groups]
            AltBag = {list(PORTFOLIO)}

            [providers.defillama]
            base_url = "{reserves_url}"

            [exchanges]
            tracked = {list(TRACKED)}

            [warehouse]
            published_path = "{published}"

            [analysis]
            ema_periods = [1]
            diff_orders = [0]
            is_unit_normalize = false

            [plots]
            set = "essential"
            hours_ago = [4, 24]
            scale = 1
            """
        )
        (folder / "secrets.toml").write_text(f'[coingecko]\napi_key = "{DEMO_KEY}"\n')


def _changed(coin: FakeCoin, third_ms: int, half_ms: int) -> FakeCoin:
    if coin.id == LEAVES:
        return replace(coin, memberships=(Membership("layer-1", to_ms=third_ms),))
    if coin.id == JOINS:
        return replace(coin, memberships=(Membership("layer-1", from_ms=third_ms),))
    if coin.id == DELISTED:
        return replace(coin, delisted_at_ms=half_ms)
    return coin
