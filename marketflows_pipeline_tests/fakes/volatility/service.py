"""A Cboe and a FRED of our own: python -m marketflows_pipeline_tests.fakes.volatility.service --port 8126."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Unpack

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.command_line import parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.markets import ASSETS, index_bars
from marketflows_pipeline_tests.fakes.replies import Reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Request, Serving
from marketflows_pipeline_tests.fakes.us_calendar import is_session, new_york

DAILY_PRICES = "/api/global/us_indices/daily_prices/{file}"
FREDGRAPH = "/graph/fredgraph.csv"
FILES = {"VIX_History.csv": "VIX", "VIX3M_History.csv": "VIX3M"}
SERIES = {"VIXCLS": "VIX", "VXVCLS": "VIX3M"}
# What else FRED has here: VIX and a constant, so that some days are below 0, with as many decimals as there.
REFERENCE = {
    "DTWEXBGS": (100.0, 4),
    "DGS2": (-18.0, 2),
    "DGS10": (-17.0, 2),
    "T10Y2Y": (-19.0, 2),
    "BAMLH0A0HYM2": (-16.0, 2),
}
# When Cboe has written the day's row, and FRED the day's before.
WRITTEN, COPIED = time(18), time(8)
FIRST_DAY = ASSETS[0].listed
A_DAY = timedelta(days=1)
DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

RANDOM_FAULTS = (faults.html(200), faults.html(503), faults.truncated(), faults.cut_off(), faults.reset())


class FakeCboe(FakeServer):
    """The files of volatility indices at Cboe and at FRED, both at one address.

    Args:
        preamble: line before the header of Cboe's files, as older ones have.
        fred_header: what the column of dates is called at FRED.
        fred_missing: what stands for a holiday at FRED.
    """

    random_faults = RANDOM_FAULTS

    def __init__(
        self,
        *,
        preamble: str = "",
        fred_header: str = "observation_date",
        fred_missing: str = "",
        **serving: Unpack[Serving],
    ) -> None:
        self._preamble = preamble
        self._fred_header = fred_header
        self._fred_missing = fred_missing
        super().__init__({DAILY_PRICES: self._file, FREDGRAPH: self._series}, **serving)

    def _file(self, request: Request, file: str) -> Reply:
        if file not in FILES:
            return Reply(HTTPStatus.FORBIDDEN, DENIED, "application/xml")
        bars = index_bars(FILES[file], written_until(request.at))
        columns = (bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist())
        rows = (
            f"{day:%m/%d/%Y}," + ",".join(f"{value:.6f}" for value in values)
            for day, *values in zip(bars.days, *columns, strict=True)
        )
        lines = [*([self._preamble] if self._preamble else []), "DATE,OPEN,HIGH,LOW,CLOSE", *rows]
        return _csv(lines)

    def _series(self, request: Request) -> Reply:
        series = request.params.get("id", "")
        if series not in SERIES and series not in REFERENCE:
            return faults.html(HTTPStatus.NOT_FOUND)(Reply(HTTPStatus.OK, b""))
        last = copied_until(request.at)
        bars = index_bars(SERIES.get(series, "VIX"), last)
        added, decimals = REFERENCE.get(series, (0.0, 2))
        closes = {
            day: f"{added + close:.{decimals}f}" for day, close in zip(bars.days, bars.close.tolist(), strict=True)
        }
        days = (FIRST_DAY + at * A_DAY for at in range((last - FIRST_DAY).days + 1))
        rows = (f"{day},{closes.get(day, self._fred_missing)}" for day in days if day.weekday() < 5)
        return _csv([f"{self._fred_header},{series}", *rows])


def written_until(now: datetime) -> date:
    """The newest session in Cboe's files."""
    there = now.astimezone(new_york())
    return _session_until(there.date() if there.time() >= WRITTEN else there.date() - A_DAY)


def copied_until(now: datetime) -> date:
    """The newest day in FRED's series."""
    there = now.astimezone(new_york())
    return _session_until(there.date() - (A_DAY if there.time() >= COPIED else 2 * A_DAY))


def _session_until(day: date) -> date:
    while not is_session(day):
        day -= A_DAY
    return day


def _csv(lines: list[str]) -> Reply:
    return Reply(HTTPStatus.OK, "".join(f"{line}\n" for line in lines).encode(), "text/csv")


def main() -> None:
    """Serve until interrupted."""
    parser = parser_of("A local stand-in for the volatility files of Cboe and FRED", 8126)
    serve(FakeCboe(**serving_of(parser.parse_args())))


if __name__ == "__main__":
    main()
