"""Fund issuers as one fake service: python -m marketflows_pipeline_tests.fakes.fund_issuers.service --port 8125."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from http import HTTPStatus
from typing import Unpack

from marketflows_pipeline_tests.fakes.command_line import parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.faults import PAGE
from marketflows_pipeline_tests.fakes.fund_issuers.coin_funds import (
    NO_KEY,
    daily_performance,
    histo_prices,
    snapshot,
    valuations,
)
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import (
    Row,
    fund_document,
    gold_archive,
    make_rows,
    navhist,
    split,
    weekdays,
)
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Handler, Request, Serving

NAVHIST = "/library-content/products/fund-data/etfs/us/navhist-us-en-{fund}.xlsx"
FUND_DOCUMENT = "/varnish-api/blk-one01-product-data/product-data/api/v1/get-fund-document"
ARCHIVE = "/api/v1/historical-archive"
SHARE_CLASS = "/cache/v1/accounts/en_US/shareclasses/{fund}/prices"
PERFORMANCE = "/product-performance/{fund}.xlsx"
VALUATIONS = "/api/product_valuation_history/{fund}"
HISTO_PRICES = "/us/en/investments/{fund}/downloads/fundhistoprices/"
OLD_LINK = "/us/products/{id}/{name}/{file}.ajax"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCUMENT_PARAMS = {
    "appType": "PRODUCT_PAGE",
    "appSubType": "ISHARES",
    "targetSite": "us-ishares",
    "locale": "en_US",
    "userType": "individual",
    "component": "fundDownload",
}

SNAPSHOT_PARAMS = {"idType": "cusip", "variationType": "priceListing", "productType": "ETF"}
QQQ, BTCO = "46090E103", "46091J101"
GBTC = "672e88c7-dac6-4fcd-9069-18eef01a2c73"
# What Invesco calls funds under another law.
TRUST = "ETF-Non-40 Act"


@dataclass
class Funds:
    """The funds of each issuer: rows by what the issuer calls them.

    Attributes:
        ssga: by ticker.
        blackrock: by portfolio id.
        gold: by product.
        holidays: on which gold has no figure.
        invesco: by CUSIP; the last row alone is shown.
        grayscale: by UUID.
        twentyone_shares: by ticker.
        vaneck: by name in addresses.
    """

    ssga: dict[str, list[Row]] = field(default_factory=dict)
    blackrock: dict[str, list[Row]] = field(default_factory=dict)
    gold: dict[str, list[Row]] = field(default_factory=dict)
    holidays: list[date] = field(default_factory=list)
    invesco: dict[str, list[Row]] = field(default_factory=dict)
    grayscale: dict[str, list[Row]] = field(default_factory=dict)
    twentyone_shares: dict[str, list[Row]] = field(default_factory=dict)
    vaneck: dict[str, list[Row]] = field(default_factory=dict)


def make_funds(seed: int, last: date, sessions: int = 250) -> Funds:
    """Funds of every issuer; XLK and SLV are split 10:1 halfway, ARKB 3:1, and GLD has one day off."""
    days = weekdays(last, sessions)
    middle = days[sessions // 2]
    gold_days = [day for day in days if day != middle]
    return Funds(
        ssga={
            "spy": make_rows(seed + 1, days, nav=640.0, baskets=20_000),
            "dia": make_rows(seed + 2, days, nav=440.0, baskets=1_700),
            "xlk": split(make_rows(seed + 3, days, nav=2_900.0, baskets=600), middle, 10),
        },
        blackrock={
            "239710": make_rows(seed + 4, days, nav=230.0, baskets=5_600),
            "239855": split(make_rows(seed + 5, days, nav=170.0, baskets=1_000), middle, 10),
            "239454": make_rows(seed + 6, days, nav=88.0, baskets=10_000),
        },
        gold={"gld": make_rows(seed + 7, gold_days, nav=380.0, baskets=2_600, basket=100_000)},
        holidays=[middle],
        invesco={
            QQQ: make_rows(seed + 8, days, nav=740.0, baskets=13_000),
            BTCO: make_rows(seed + 9, days, nav=61.0, baskets=2_000, basket=5_000),
        },
        grayscale={GBTC: make_rows(seed + 10, days, nav=49.0, baskets=3_400)},
        twentyone_shares={"ARKB": split(make_rows(seed + 11, days, nav=90.0, baskets=8_000, basket=5_000), middle, 3)},
        vaneck={"bitcoin-etf-hodl": make_rows(seed + 12, days, nav=25.0, baskets=2_500, basket=25_000)},
    )


class FakeIssuers(FakeServer):
    """The public files of all issuers on one socket, over funds of ours.

    Args:
        funds: what they publish; may be changed between requests, as by ``restate``.

    Attributes:
        effective: the date that Invesco writes beside its figures; None is that of the session.
        has_business_date: whether it gives the session's date too.
        needs_origin: whether it refuses requests that do not come from its page.
    """

    def __init__(self, funds: Funds, **serving: Unpack[Serving]) -> None:
        self.funds = funds
        self.effective: str | None = None
        self.has_business_date = False
        self.needs_origin = False
        routes: dict[str, Handler] = {
            NAVHIST: self._navhist,
            FUND_DOCUMENT: self._fund_document,
            ARCHIVE: self._archive,
            SHARE_CLASS: self._share_class,
            PERFORMANCE: self._performance,
            VALUATIONS: self._valuations,
            HISTO_PRICES: self._histo_prices,
            OLD_LINK: _page_under_success,
        }
        super().__init__(routes, **serving)

    def restate(self, rows: list[Row], session: date, shares: int) -> None:
        """Publish another count for a session that was published before."""
        rows[:] = [replace(row, shares=shares) if row.session == session else row for row in rows]

    def _navhist(self, _: Request, fund: str) -> Reply:
        rows = self.funds.ssga.get(fund)
        if rows is None:
            return _page(HTTPStatus.NOT_FOUND, "Page not found")
        return Reply(HTTPStatus.OK, navhist(fund, rows), XLSX)

    def _fund_document(self, request: Request) -> Reply:
        rows = self.funds.blackrock.get(request.params.get("portfolioId", ""))
        if rows is None or not _holds(request.params, DOCUMENT_PARAMS.items()):
            return json_reply({"status": 400, "error": "Bad Request"}, HTTPStatus.BAD_REQUEST)
        name = f"iShares {request.params['portfolioId']} ETF"
        return Reply(HTTPStatus.OK, fund_document(name, rows), "application/vnd.ms-excel")

    def _archive(self, request: Request) -> Reply:
        rows = self.funds.gold.get(request.params.get("product", ""))
        if rows is None or not _holds(request.params, {"exchange": "NYSE", "lang": "en"}.items()):
            return json_reply({"message": "Not found"}, HTTPStatus.NOT_FOUND)
        return Reply(HTTPStatus.OK, gold_archive(rows, self.funds.holidays), XLSX)

    def _share_class(self, request: Request, fund: str) -> Reply:
        headers = request.headers
        is_browser = headers.get("user-agent", "").startswith("Mozilla/5.0")
        if is_browser or (self.needs_origin and headers.get("origin") != "https://www.invesco.com"):
            return Reply(HTTPStatus.NOT_ACCEPTABLE, b"")
        rows, kind = self.funds.invesco.get(fund), TRUST if fund == BTCO else "ETF"
        params = {**SNAPSHOT_PARAMS, "productSubType": kind}
        if rows is None or not _holds(request.params, params.items()):
            return json_reply("")
        return json_reply(snapshot(fund, rows[-1], effective=self.effective, has_business_date=self.has_business_date))

    def _performance(self, _: Request, fund: str) -> Reply:
        rows = self.funds.grayscale.get(fund)
        if rows is None:
            return Reply(HTTPStatus.NOT_FOUND, NO_KEY, "application/xml")
        return Reply(HTTPStatus.OK, daily_performance("GBTC", rows), XLSX)

    def _valuations(self, _: Request, fund: str) -> Reply:
        rows = self.funds.twentyone_shares.get(fund)
        if rows is None:
            return json_reply({"success": False, "message": "Product not found"}, HTTPStatus.NOT_FOUND)
        return json_reply(valuations(rows))

    def _histo_prices(self, request: Request, fund: str) -> Reply:
        if "vaneck_cookies=1" not in request.headers.get("cookie", ""):
            return Reply(HTTPStatus.FOUND, b"", headers={"location": "/cookies-disabled/"})
        rows = self.funds.vaneck.get(fund)
        if rows is None:
            return _page(HTTPStatus.NOT_FOUND, "Page not found")
        return Reply(HTTPStatus.OK, histo_prices(rows), XLSX)


def _holds(params: Mapping[str, str], wanted: Iterable[tuple[str, str]]) -> bool:
    return all(params.get(name) == value for name, value in wanted)


def _page(status: int, title: str) -> Reply:
    return Reply(status, PAGE.format(title=title).encode(), "text/html; charset=UTF-8")


def _page_under_success(_: Request, **__: str) -> Reply:
    return _page(HTTPStatus.OK, "iShares by BlackRock")


def main() -> None:
    """Serve until interrupted."""
    parser = parser_of("A local stand-in for the issuers of funds", 8125)
    parser.add_argument("--sessions", type=int, default=1_000, help="sessions of history")
    options = parser.parse_args()
    serving = serving_of(options)
    yesterday = serving["clock"].now().date() - timedelta(days=1)
    serve(FakeIssuers(make_funds(options.seed, yesterday, options.sessions), **serving))


if __name__ == "__main__":
    main()
