"""The fake services for a soak: they can be away, and one remembers every observation that it served."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import polars as pl

from benchmarks.soak.injected_faults import EXCHANGES, HISTORY, MARKETS, Injection, SpoiltReply
from benchmarks.soak.plan import Plan
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.defillama.service import FakeDefiLlama
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import Exchange, Request


@dataclass(frozen=True)
class Answer:
    """A complete answer with observations.

    Attributes:
        run: number of the run that asked.
        endpoint: which of the two that serve market caps.
        rows: ``coin_id, ts, market_cap_usd``: what may be stored, so no caps that are null, zero or negative.
    """

    run: int
    endpoint: str
    rows: pl.DataFrame


class SoakReserves(FakeDefiLlama):
    """DefiLlama on the same time, away when the other service is."""

    def __init__(self, plan: Plan, service: SoakService) -> None:
        super().__init__(plan.reserves(), clock=service.clock)
        self._service = service

    def admit(self, request: Request) -> Reply | None:
        """Refuse everything while away."""
        return faults.html(503)(json_reply({})) if self._service.is_down else None


class SoakService(FakeCoinGecko):
    """CoinGecko with faults, limits and outages.

    Attributes:
        run: number of the run that asks now; whoever drives sets it.
        is_down: whether it answers 503 to everything.
        answers: all complete answers with observations, in order.
        asked_at: when each request came, whatever became of it.
        histories: how many histories each run asked for.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            plan.market(),
            clock=FixedClock(plan.at(0)),
            access=Access(calls_per_minute=30),
            fault_rate=plan.fault_rate,
            seed=plan.seed,
        )
        self.run = 0
        self._run_of_exchanges = -1
        self.is_down = False
        self.answers: list[Answer] = []
        self.asked_at: list[datetime] = []
        self.observer = self._remember

    def admit(self, request: Request) -> Reply | None:
        """Refuse everything while away."""
        return faults.html(503)(json_reply({})) if self.is_down else super().admit(request)

    def inject(self, injected: Sequence[Injection], reserves: FakeDefiLlama) -> None:
        """Spoil the next answers of the two services."""
        for each in injected:
            (self if each.service == "coingecko" else reserves).script(each.endpoint, each.fault)

    def _remember(self, exchange: Exchange, reply: Reply) -> None:
        self.exchanges.clear()
        self.asked_at.append(exchange.request.at)
        if exchange.request.endpoint == EXCHANGES:
            # Comes after the market caps; what it asks pages for is not stored as such.
            self._run_of_exchanges = self.run
        if exchange.request.endpoint == MARKETS and self._run_of_exchanges == self.run:
            return
        is_usable = exchange.status == 200 and (not exchange.is_faulty or isinstance(reply, SpoiltReply))
        if not is_usable or exchange.request.endpoint not in {MARKETS, HISTORY}:
            return
        body = json.loads(reply.kept if isinstance(reply, SpoiltReply) else reply.body)
        rows = _of_page(body) if exchange.request.endpoint == MARKETS else _of_chart(exchange.request.path, body)
        usable = rows.filter(pl.col("market_cap_usd") > 0, pl.col("ts").is_not_null())
        self.answers.append(Answer(self.run, exchange.request.endpoint, usable))


def _of_page(body: list[dict[str, object]]) -> pl.DataFrame:
    columns = {
        "coin_id": [row["id"] for row in body],
        "ts": [row["last_updated"] for row in body],
        "market_cap_usd": [row["market_cap"] for row in body],
    }
    frame = pl.DataFrame(
        columns, schema={"coin_id": pl.String, "ts": pl.String, "market_cap_usd": pl.Float64}, strict=False
    )
    return frame.with_columns(pl.col("ts").str.to_datetime("%+", time_unit="us", time_zone="UTC"))


def _of_chart(path: str, body: dict[str, list[tuple[int, float | None]]]) -> pl.DataFrame:
    coin = unquote(path.split("/")[-2])
    stamps, caps = zip(*body["market_caps"], strict=True) if body["market_caps"] else ((), ())
    frame = pl.DataFrame({"ts": stamps, "market_cap_usd": caps}, schema={"ts": pl.Int64, "market_cap_usd": pl.Float64})
    return frame.select(
        pl.lit(coin).alias("coin_id"),
        pl.from_epoch("ts", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        "market_cap_usd",
    )
