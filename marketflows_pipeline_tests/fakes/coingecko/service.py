"""A CoinGecko of our own: python -m marketflows_pipeline_tests.fakes.coingecko.service --port 8123 --coins 300."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Unpack

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.bodies import (
    Quote,
    Row,
    Snapshot,
    category_row,
    chart_of_days,
    chart_of_range,
    coin_entry,
    ordered,
    step_of_window,
)
from marketflows_pipeline_tests.fakes.coingecko.exchanges import ExchangeEndpoints
from marketflows_pipeline_tests.fakes.coingecko.trending import trending
from marketflows_pipeline_tests.fakes.command_line import market_parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.market import FIVE_MINUTES_MS, FakeCoin, Market, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Handler, Request, Serving
from marketflows_pipeline_tests.fakes.venues import Venues, generate_venues

PUBLIC_HISTORY_DAYS = 365
SINCE_EVER_DAYS = 5_000
HOURLY_INTERVAL_DAYS = 100
MAX_PER_PAGE = 250
CURRENCIES = ("usd",)

RANDOM_FAULTS = (
    faults.html(503),
    faults.json_error(500, errors.SERVER_ERROR),
    faults.json_error(429, errors.RATE_LIMIT, {"retry-after": "30"}),
    faults.json_error(200, errors.RATE_LIMIT),
    faults.plain_text(502, "Bad Gateway"),
    faults.truncated(),
    faults.cut_off(),
    faults.reset(),
    faults.empty(),
)


class FakeCoinGecko(FakeServer):
    """The public or the paid host of CoinGecko over a market of ours.

    Args:
        market: coins and their figures.
        access: keys and limits.
        page_overlap: how many coins of a page of /coins/markets stand on the next one again.
        refuses_daily_interval: whether interval=daily is for paid plans, as it was seen to be.
        venues: exchanges; without it, those of ``generate_venues``.

    Attributes:
        exchange_endpoints: what answers below /exchanges, and how.
    """

    random_faults = RANDOM_FAULTS

    def __init__(
        self,
        market: Market,
        *,
        access: Access | None = None,
        page_overlap: int = 0,
        refuses_daily_interval: bool = False,
        venues: Venues | None = None,
        **serving: Unpack[Serving],
    ) -> None:
        self.market = market
        self.exchange_endpoints = ExchangeEndpoints(venues or generate_venues())
        self.access = access or Access()
        self.page_overlap = page_overlap
        self.refuses_daily_interval = refuses_daily_interval
        self._snapshot: Snapshot | None = None
        self._snapshot_lock = threading.Lock()
        routes: dict[str, Handler] = {
            "/ping": self._ping,
            "/key": self._key,
            "/coins/list": self._coins_list,
            "/coins/markets": self._markets,
            "/coins/categories/list": self._categories_list,
            "/coins/categories": self._categories,
            "/coins/{id}/market_chart": self._market_chart,
            "/coins/{id}/market_chart/range": self._market_chart_range,
            "/search/trending": self._trending,
            **self.exchange_endpoints.routes,
        }
        super().__init__(routes, prefix="/api/v3", **serving)

    def admit(self, request: Request) -> Reply | None:
        """Refuse who has no key for this host, or asks too often."""
        return self.access.admit(request.headers, request.params, request.at)

    def snapshot(self, now_ms: int) -> Snapshot:
        """The figures of all coins now, worked out once per moment."""
        with self._snapshot_lock:
            if self._snapshot is None or self._snapshot.now_ms != now_ms:
                self._snapshot = Snapshot(self.market, now_ms)
            return self._snapshot

    @property
    def _is_public(self) -> bool:
        return self.access.host == "demo"

    def _ping(self, _: Request) -> Reply:
        return json_reply({"gecko_says": "(V3) To the Moon!"})

    def _key(self, request: Request) -> Reply:
        if self._is_public:
            return json_reply(errors.NOT_IN_PLAN, HTTPStatus.UNAUTHORIZED)
        used = self.access.spent(request.headers.get("x-cg-pro-api-key"), request.at)
        credits_ = self.access.monthly_credits or 0
        return json_reply(
            {
                "plan": "Analyst",
                "rate_limit_request_per_minute": self.access.calls_per_minute,
                "monthly_call_credit": credits_,
                "current_total_monthly_calls": used,
                "current_remaining_monthly_calls": credits_ - used,
            }
        )

    def _coins_list(self, request: Request) -> Reply:
        now_ms = to_ms(request.at)
        has_platforms = request.params.get("include_platform") == "true"
        if request.params.get("status") == "inactive":
            coins = [coin for coin in self.market.coins if coin.delisted_at_ms <= now_ms]
        else:
            coins = [self.market.coins[at] for at in self.market.listed(now_ms)]
        return json_reply([coin_entry(coin, has_platforms=has_platforms) for coin in sorted(coins, key=lambda c: c.id)])

    def _markets(self, request: Request) -> Reply:
        params, now_ms = request.params, to_ms(request.at)
        if params.get("vs_currency", "").strip() not in CURRENCIES:
            return json_reply(errors.INVALID_CURRENCY, HTTPStatus.BAD_REQUEST)
        snapshot = self.snapshot(now_ms)
        has_wrapped = params.get("include_rehypothecated") == "true"
        quotes = [quote for quote in snapshot.quotes if has_wrapped or not quote.coin.is_rehypothecated]
        if (slug := params.get("category")) and slug not in self._slugs(now_ms):
            return json_reply(errors.CATEGORY_NOT_FOUND, HTTPStatus.NOT_FOUND)
        quotes = ordered(self._selected(quotes, params, now_ms), params.get("order", "market_cap_desc"))
        size = min(max(int(params.get("per_page", 100)), 1), MAX_PER_PAGE)
        first = (max(int(params.get("page", 1)), 1) - 1) * (size - self.page_overlap)
        periods = [name for name in params.get("price_change_percentage", "").split(",") if name]
        rows = snapshot.rows(
            quotes[first : first + size],
            has_wider_rank=has_wrapped,
            has_sparkline=params.get("sparkline") == "true",
            periods=periods,
        )
        if params["vs_currency"] not in CURRENCIES:
            # A blank beside the currency is no error, but the caps are gone.
            rows = [row | {"market_cap": 0} for row in rows]
        return json_reply(rows)

    def _selected(self, quotes: list[Quote], params: Mapping[str, str], now_ms: int) -> list[Quote]:
        """The quotes asked for: the first of category, ids, names and symbols that is given is the only one heeded."""
        if slug := params.get("category"):
            members = self.market.members(slug, now_ms)
            return [quote for quote in quotes if quote.coin.id in members]
        if "ids" in params:
            return [quote for quote in quotes if quote.coin.id in set(params["ids"].split(","))]
        if "names" in params:
            return [quote for quote in quotes if quote.coin.name.lower() in params["names"].lower().split(",")]
        if "symbols" in params:
            return [quote for quote in quotes if quote.coin.symbol.lower() in params["symbols"].lower().split(",")]
        return quotes

    def _slugs(self, now_ms: int) -> dict[str, str]:
        return {cat.slug: cat.name for cat in self.market.categories if now_ms < cat.removed_at_ms}

    def _categories_list(self, request: Request) -> Reply:
        slugs = self._slugs(to_ms(request.at))
        return json_reply([{"category_id": slug, "name": name} for slug, name in slugs.items()])

    def _categories(self, request: Request) -> Reply:
        rows = self._category_rows(to_ms(request.at))
        # By falling cap unless asked otherwise; those without a cap come last.
        return json_reply(sorted(rows, key=lambda row: -(row["market_cap"] or 0)))

    def _category_rows(self, now_ms: int) -> list[Row]:
        snapshot = self.snapshot(now_ms)
        return [
            category_row(snapshot, slug, name, self.market.members(slug, now_ms))
            for slug, name in self._slugs(now_ms).items()
        ]

    def _trending(self, request: Request) -> Reply:
        now_ms = to_ms(request.at)
        n_members = {slug: len(self.market.members(slug, now_ms)) for slug in self._slugs(now_ms)}
        return json_reply(trending(self.snapshot(now_ms), self._category_rows(now_ms), n_members))

    def _market_chart(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        now_ms = to_ms(request.at)
        coin = self._coin(request.params, id, now_ms)
        if isinstance(coin, Reply):
            return coin
        asked = request.params.get("days", "")
        if asked != "max" and not asked.isdecimal():
            return json_reply({"error": "invalid days"}, HTTPStatus.BAD_REQUEST)
        days = SINCE_EVER_DAYS if asked == "max" else max(int(asked), 1)
        if self._is_public and days > PUBLIC_HISTORY_DAYS:
            return json_reply(errors.BEYOND_A_YEAR, HTTPStatus.UNAUTHORIZED)
        step_ms = self._step(days, request.params.get("interval"))
        if isinstance(step_ms, Reply):
            return step_ms
        return json_reply(chart_of_days(self.market, coin, now_ms, days=days, step_ms=step_ms))

    def _market_chart_range(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        now_ms = to_ms(request.at)
        coin = self._coin(request.params, id, now_ms)
        if isinstance(coin, Reply):
            return coin
        start_ms, end_ms = int(request.params["from"]) * 1000, int(request.params["to"]) * 1000
        if self._is_public and start_ms < now_ms - PUBLIC_HISTORY_DAYS * DAY_MS:
            return json_reply(errors.BEYOND_A_YEAR, HTTPStatus.UNAUTHORIZED)
        step_ms = step_of_window((end_ms - start_ms) / DAY_MS)
        if step_ms == FIVE_MINUTES_MS and start_ms < now_ms - DAY_MS:
            step_ms = HOUR_MS
        return json_reply(chart_of_range(self.market, coin, now_ms, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms))

    def _coin(self, params: Mapping[str, str], coin_id: str, now_ms: int) -> FakeCoin | Reply:
        if params.get("vs_currency", "").strip() not in CURRENCIES:
            return json_reply(errors.INVALID_CURRENCY, HTTPStatus.BAD_REQUEST)
        return self.market.coin(coin_id, now_ms) or json_reply(errors.COIN_NOT_FOUND, HTTPStatus.NOT_FOUND)

    def _step(self, days: int, interval: str | None) -> int | Reply:
        match interval:
            case None:
                return step_of_window(days)
            case "daily" if not self.refuses_daily_interval:
                return DAY_MS
            case "hourly" if days <= HOURLY_INTERVAL_DAYS:
                return HOUR_MS
            case "daily" | "1m" | "5m":
                return json_reply(errors.paid_only(f"interval={interval}"), HTTPStatus.UNAUTHORIZED)
            case _:
                return json_reply({"error": "invalid interval"}, HTTPStatus.BAD_REQUEST)


def main() -> None:
    """Serve until interrupted."""
    parser = market_parser_of("A local stand-in for CoinGecko", 8123)
    parser.add_argument("--exchanges", type=int, default=620)
    parser.add_argument("--host", choices=("demo", "pro"), default="demo", help="which of the two hosts to be")
    parser.add_argument("--calls-per-minute", type=int, default=30, help="limit of each key; 0 is none")
    parser.add_argument("--monthly-credits", type=int, default=10_000, help="limit of each key; 0 is none")
    options = parser.parse_args()
    serving, limit = serving_of(options), options.calls_per_minute or None
    figures: dict[str, Any] = {
        "start": serving["clock"].now(),
        "has_churn": not options.no_churn,
        "has_flaws": not options.no_flaws,
    }
    access = Access(
        host=options.host,
        calls_per_minute=limit,
        keyless_calls_per_minute=limit,
        monthly_credits=options.monthly_credits or None,
    )
    market = generate(options.coins, options.seed, **figures)
    venues = generate_venues(options.exchanges, options.seed, **figures)
    serve(FakeCoinGecko(market, access=access, venues=venues, **serving))


if __name__ == "__main__":
    main()
