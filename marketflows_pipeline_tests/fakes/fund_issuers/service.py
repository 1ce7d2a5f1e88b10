"""Fund issuers as one fake service: python -m marketflows_pipeline_tests.fakes.fund_issuers.service --port 8125."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from http import HTTPStatus

from marketflows_pipeline.clock import Clock
from marketflows_pipeline_tests.fakes.command_line import clock_of, parser_of, serve
from marketflows_pipeline_tests.fakes.faults import PAGE
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
from marketflows_pipeline_tests.fakes.server import FakeServer, Handler, Request

NAVHIST = "/library-content/products/fund-data/etfs/us/navhist-us-en-{fund}.xlsx"
FUND_DOCUMENT = "/varnish-api/blk-one01-product-data/product-data/api/v1/get-fund-document"
ARCHIVE = "/api/v1/historical-archive"
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


@dataclass
class Funds:
    """The funds of each issuer: rows by what the issuer calls them.

    Attributes:
        ssga: by ticker.
        blackrock: by portfolio id.
        gold: by product.
        holidays: on which gold has no figure.
    """

    ssga: dict[str, list[Row]] = field(default_factory=dict)
    blackrock: dict[str, list[Row]] = field(default_factory=dict)
    gold: dict[str, list[Row]] = field(default_factory=dict)
    holidays: list[date] = field(default_factory=list)


def make_funds(seed: int, last: date, sessions: int = 250) -> Funds:
    """SPY, DIA and XLK (split 10:1 halfway), IWM, SLV (split 10:1 halfway) and TLT, and GLD with one day off."""
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
    )


class FakeIssuers(FakeServer):
    """The public files of State Street, BlackRock and SPDR Gold on one socket, over funds of ours.

    Args:
        funds: what they publish; may be changed between requests, as by ``restate``.
        clock: the present.
        port: 0 takes a free one.
    """

    def __init__(self, funds: Funds, *, clock: Clock, port: int = 0) -> None:
        self.funds = funds
        routes: dict[str, Handler] = {
            NAVHIST: self._navhist,
            FUND_DOCUMENT: self._fund_document,
            ARCHIVE: self._archive,
            OLD_LINK: _page_under_success,
        }
        super().__init__(routes, clock=clock, port=port)

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
    clock = clock_of(options)
    yesterday = clock.now().date() - timedelta(days=1)
    serve(FakeIssuers(make_funds(options.seed, yesterday, options.sessions), clock=clock, port=options.port))


if __name__ == "__main__":
    main()
