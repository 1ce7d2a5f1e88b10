"""A CoinPaprika of our own: python -m marketflows_pipeline_tests.fakes.coinpaprika.service --port 8124 --coins 300."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Unpack

import numpy as np

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.bodies import Quote
from marketflows_pipeline_tests.fakes.coinpaprika import errors
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access
from marketflows_pipeline_tests.fakes.coinpaprika.bodies import STEPS_MS, Row, coin_row, ticks
from marketflows_pipeline_tests.fakes.coinpaprika.bodies import tickers as ticker_rows
from marketflows_pipeline_tests.fakes.coinpaprika.listing import OUTSIDE, FakeTag, Listing, Shown, paprika_id
from marketflows_pipeline_tests.fakes.command_line import market_parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.market import FIVE_MINUTES_MS, Market, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Handler, Request, Serving

MOST_TICKERS = 2_000
MOST_TICKS, USUAL_TICKS = 5_000, 1_000
PLATFORM = "eth-ethereum"
FINE, HOURLY, DAILY = "5-minute", "hourly", "daily"

RANDOM_FAULTS = (
    faults.html(503),
    faults.json_error(500, errors.SERVER_ERROR),
    faults.json_error(429, errors.REQUEST_LIMIT, {"retry-after": "30"}),
    faults.json_error(429, errors.REQUEST_LIMIT),
    faults.json_error(200, errors.REQUEST_LIMIT),
    faults.plain_text(502, ""),
    faults.truncated(),
    faults.cut_off(),
    faults.reset(),
    faults.empty(),
)


class FakeCoinPaprika(FakeServer):
    """The free or the paid host of CoinPaprika over a market of ours.

    Args:
        market: coins and their figures, under ids that are not CoinPaprika's; some coins come beside them.
        access: keys and limits.

    Attributes:
        most_tickers: how many rows /tickers has at most on the free host.
        plan_status: under which the plan's refusals come; 400 was seen too.
        lists_coins_of_tags: whether /tags names coins where it is asked to; else only /tags/{id} does.
        tags_without_coins: tags whose ``coins`` are null.
        answers_inactive: whether the last ticker of a coin that is gone is still served by its id.
    """

    random_faults = RANDOM_FAULTS

    def __init__(
        self,
        market: Market,
        *,
        access: Access | None = None,
        **serving: Unpack[Serving],
    ) -> None:
        self.market = market
        self.listing = Listing(market)
        self.access = access or Access()
        self.most_tickers = MOST_TICKERS
        self.plan_status: int = HTTPStatus.PAYMENT_REQUIRED
        self.lists_coins_of_tags = True
        self.tags_without_coins: set[str] = set()
        self.answers_inactive = False
        self._shown: tuple[int, list[Shown]] | None = None
        self._shown_lock = threading.Lock()
        routes: dict[str, Handler] = {
            "/tickers": self._tickers,
            "/tickers/{id}": self._ticker,
            "/tickers/{id}/historical": self._historical,
            "/coins": self._coins,
            "/tags": self._tags,
            "/tags/{id}": self._tag,
            "/contracts": self._platforms,
            "/contracts/{platform}": self._contracts,
            "/contracts/{platform}/{address}": self._contract,
        }
        super().__init__(routes, prefix="/v1", **serving)

    def admit(self, request: Request) -> Reply | None:
        """Refuse who has no key for the paid host, or asks too often."""
        return self.access.admit(request.headers, request.at)

    @property
    def _is_free(self) -> bool:
        return self.access.host == "free"

    def _all_shown(self, now_ms: int) -> list[Shown]:
        """All coins as of the last update, which is every five minutes, worked out once."""
        at_ms = now_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        with self._shown_lock:
            if self._shown is None or self._shown[0] != at_ms:
                self._shown = at_ms, self.listing.shown(at_ms)
            return self._shown[1]

    def _tickers(self, request: Request) -> Reply:
        if request.params.get("quotes", "USD") != "USD":
            return json_reply(errors.INVALID_PARAMETERS, HTTPStatus.BAD_REQUEST)
        shown = self._all_shown(to_ms(request.at))
        if self._is_free:
            shown = [each for each in shown if paprika_id(each.quote.coin) not in OUTSIDE][: self.most_tickers]
        rows = ticker_rows(shown, has_supply=not self._is_free)
        # One coin stands in the list twice.
        return json_reply([*rows, rows[len(rows) // 2]])

    def _ticker(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        now_ms = to_ms(request.at)
        shown = [each for each in self._all_shown(now_ms) if paprika_id(each.quote.coin) == id]
        shown = shown or ([*self._last_shown(id, now_ms)] if self.answers_inactive else [])
        if not shown:
            return json_reply(errors.ID_NOT_FOUND, HTTPStatus.NOT_FOUND)
        return json_reply(ticker_rows(shown, has_supply=not self._is_free)[0])

    def _last_shown(self, coin_id: str, now_ms: int) -> list[Shown]:
        """A coin that is gone, as it was last."""
        found = self.listing.find(coin_id)
        if found is None or found[0].coins[found[1]].listed_at_ms > now_ms:
            return []
        market, at = found
        coin, last_ms = market.coins[at], market.delisted_ms(at) - 1
        (price,), (cap,), (volume,) = market.figures(np.array([at]), np.array([last_ms]))
        return [Shown(Quote(at, coin, last_ms, price, cap, volume, None, None), 0, market)]

    def _historical(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        params, now = request.params, request.at
        start, end = _moment(params.get("start", "")), _moment(params.get("end", "")) if "end" in params else now
        if start is None or end is None:
            return json_reply(errors.INVALID_DATE, HTTPStatus.BAD_REQUEST)
        interval, limit = params.get("interval", "5m"), params.get("limit", str(USUAL_TICKS))
        is_legible = limit.isdecimal() and 1 <= int(limit) <= MOST_TICKS and params.get("quote", "usd") == "usd"
        if interval not in STEPS_MS or not is_legible:
            return json_reply(errors.INVALID_PARAMETERS, HTTPStatus.BAD_REQUEST)
        if refusal := self._beyond_the_plan(STEPS_MS[interval], start, now):
            return json_reply(refusal, self.plan_status)
        found = self.listing.find(id)
        if found is None or found[0].coin(found[0].coins[found[1]].id, to_ms(now)) is None:
            return json_reply(errors.ID_NOT_FOUND, HTTPStatus.NOT_FOUND)
        rows = ticks(*found, start_ms=to_ms(start), end_ms=to_ms(min(end, now)), step_ms=STEPS_MS[interval])
        return json_reply(rows[: int(limit)])

    def _beyond_the_plan(self, step_ms: int, start: datetime, now: datetime) -> dict[str, str] | None:
        """What the free plan says of a history that it does not serve: a year, a day, or none, exact to the moment."""
        if not self._is_free:
            return None
        if step_ms >= DAY_MS:
            kind, limit = DAILY, _a_year_before(now)
        elif step_ms > FIVE_MINUTES_MS:
            kind, limit = HOURLY, now - timedelta(days=1)
        else:
            return errors.beyond_the_plan(FINE, None)
        return errors.beyond_the_plan(kind, limit) if start < limit else None

    def _coins(self, request: Request) -> Reply:
        now_ms = to_ms(request.at)
        ranks = {paprika_id(each.quote.coin): each.rank for each in self._all_shown(now_ms)}
        rows = [
            coin_row(coin_id, coin, ranks.get(coin_id, 0), now_ms, is_active=is_active)
            for coin_id, coin, is_active in self.listing.coins(now_ms)
        ]
        return json_reply(sorted(rows, key=lambda row: (not row["is_active"], row["rank"])))

    def _tags(self, request: Request) -> Reply:
        has_coins = self._wants_coins(request)
        tags = self.listing.tags(to_ms(request.at))
        return json_reply([self._tag_row(tag, has_coins=has_coins, is_listed=True) for tag in tags])

    def _tag(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        for tag in self.listing.tags(to_ms(request.at)):
            if tag.slug == id:
                return json_reply(self._tag_row(tag, has_coins=self._wants_coins(request)))
        return json_reply(errors.ID_NOT_FOUND, HTTPStatus.NOT_FOUND)

    def _tag_row(self, tag: FakeTag, *, has_coins: bool, is_listed: bool = False) -> Row:
        row: Row = {
            "id": tag.slug,
            "name": tag.name,
            "coin_counter": len(tag.coins),
            "ico_counter": 0,
            "description": "",
            "type": "functional",
        }
        is_null = not tag.coins or tag.slug in self.tags_without_coins or (is_listed and not self.lists_coins_of_tags)
        return row | {"coins": None if is_null else tag.coins} if has_coins else row

    @staticmethod
    def _wants_coins(request: Request) -> bool:
        return "coins" in request.params.get("additional_fields", "").split(",")

    def _platforms(self, _: Request) -> Reply:
        return json_reply([PLATFORM, "sol-solana"])

    def _contracts(self, request: Request, platform: str) -> Reply:
        if platform != PLATFORM:
            return json_reply(errors.ID_NOT_FOUND, HTTPStatus.NOT_FOUND)
        rows = [
            {"address": _address(coin.seed), "type": "ERC20", "id": coin_id, "active": is_active}
            for coin_id, coin, is_active in self.listing.coins(to_ms(request.at))
            if coin.is_rehypothecated or coin_id == "usdc-usdc"
        ]
        return json_reply(rows)

    def _contract(self, request: Request, platform: str, address: str) -> Reply:
        """The coin of a contract is a redirect, and not even an encrypted one."""
        for coin_id, coin, _ in self.listing.coins(to_ms(request.at)):
            if platform == PLATFORM and address.lower() == _address(coin.seed).lower():
                location = f"http://{request.headers['host']}/v1/tickers/{coin_id}"
                return Reply(HTTPStatus.MOVED_PERMANENTLY, b"", headers={"location": location})
        return json_reply(errors.ID_NOT_FOUND, HTTPStatus.NOT_FOUND)


def _address(seed: int) -> str:
    """An address in the mixed case of a checksum, which other services write in lower case."""
    return f"0x{seed:040X}"


def _moment(text: str) -> datetime | None:
    """A date or seconds since 1970; whole ISO times are documented, and were seen refused."""
    if text.isdecimal():
        return datetime.fromtimestamp(int(text), UTC)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _a_year_before(moment: datetime) -> datetime:
    if (moment.month, moment.day) == (2, 29):
        moment -= timedelta(days=1)
    return moment.replace(year=moment.year - 1)


def main() -> None:
    """Serve until interrupted."""
    parser = market_parser_of("A local stand-in for CoinPaprika", 8124)
    parser.add_argument("--host", choices=("free", "paid"), default="free", help="which of the two hosts to be")
    parser.add_argument("--calls-per-second", type=int, default=10, help="limit of an address; 0 is none")
    parser.add_argument("--monthly-calls", type=int, default=20_000, help="limit of an address; 0 is none")
    options = parser.parse_args()
    serving = serving_of(options)
    market = generate(
        options.coins,
        options.seed,
        start=serving["clock"].now(),
        has_churn=not options.no_churn,
        has_flaws=not options.no_flaws,
    )
    access = Access(
        host=options.host,
        calls_per_second=options.calls_per_second or None,
        monthly_calls=options.monthly_calls or None,
    )
    serve(FakeCoinPaprika(market, access=access, **serving))


if __name__ == "__main__":
    main()
