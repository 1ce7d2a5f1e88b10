"""A Yahoo of our own: python -m marketflows_pipeline_tests.fakes.yahoo.service --port 8125."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Unpack

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.command_line import parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.markets import ASSETS, Asset
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Request, Serving
from marketflows_pipeline_tests.fakes.yahoo.bodies import chart_body, empty_shell, error_body

CHART = "/v8/finance/chart/{symbol}"
TOO_MANY = "Too Many Requests\r\n"
DELISTED = "No data found, symbol may be delisted"
CONSENT = faults.html(200)

RANDOM_FAULTS = (
    faults.plain_text(429, TOO_MANY),
    faults.html(503),
    faults.plain_text(502, "Bad Gateway"),
    faults.truncated(),
    faults.cut_off(),
    faults.reset(),
    faults.empty(),
    CONSENT,
)


class FakeYahoo(FakeServer):
    """The charts of Yahoo over assets of ours.

    Args:
        assets: what it knows.
        shells: unknown symbols that are answered with an empty shell instead of an error.
        is_repeated: the newest session comes twice.
    """

    random_faults = RANDOM_FAULTS

    def __init__(
        self,
        assets: Iterable[Asset] = ASSETS,
        *,
        shells: Iterable[str] = (),
        is_repeated: bool = False,
        **serving: Unpack[Serving],
    ) -> None:
        self.assets = {asset.symbol: asset for asset in assets}
        self.shells = set(shells)
        self.is_repeated = is_repeated
        super().__init__({CHART: self._chart}, **serving)

    def admit(self, request: Request) -> Reply | None:
        """Refuse programs that call themselves so."""
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return None
        return Reply(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY.encode(), "text/plain")

    def _chart(self, request: Request, symbol: str) -> Reply:
        if request.params.get("interval") != "1d":
            return _error(HTTPStatus.UNPROCESSABLE_ENTITY, "Unprocessable Entity", "Invalid input - interval")
        asset = self.assets.get(symbol.upper())
        if asset is None:
            if symbol in self.shells:
                return json_reply(empty_shell(symbol, request.at))
            return _error(HTTPStatus.NOT_FOUND, "Not Found", DELISTED)
        start_s, end_s = int(request.params["period1"]), int(request.params["period2"])
        if start_s >= end_s:
            said = f"Invalid input - start date cannot be after end date. startDate = {start_s}, endDate = {end_s}"
            return _error(HTTPStatus.BAD_REQUEST, "Bad Request", said)
        body = chart_body(asset, request.at, start_s, end_s, is_repeated=self.is_repeated)
        if body is None:
            said = f"Data doesn't exist for startDate = {start_s}, endDate = {end_s}"
            return _error(HTTPStatus.BAD_REQUEST, "Bad Request", said)
        if "events" not in request.params:
            body["chart"]["result"][0].pop("events", None)
        return json_reply(body)


def _error(status: int, code: str, description: str) -> Reply:
    return json_reply(error_body(code, description), status)


def main() -> None:
    """Serve until interrupted."""
    parser = parser_of("A local stand-in for Yahoo's charts", 8125)
    parser.add_argument("--repeated", action="store_true", help="send the newest session twice")
    options = parser.parse_args()
    serve(FakeYahoo(is_repeated=options.repeated, **serving_of(options)))


if __name__ == "__main__":
    main()
