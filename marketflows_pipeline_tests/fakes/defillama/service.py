"""A DefiLlama of our own: python -m marketflows_pipeline_tests.fakes.defillama.service --port 8124."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from typing import Unpack

import msgspec

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.command_line import parser_of, serve, serving_of
from marketflows_pipeline_tests.fakes.defillama.bodies import cex_body, protocol_body, protocol_rows
from marketflows_pipeline_tests.fakes.defillama.market import latest_s, to_s, total_usd
from marketflows_pipeline_tests.fakes.defillama.protocols import Cast, make_cast
from marketflows_pipeline_tests.fakes.replies import Reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Handler, Request, Serving

UPGRADE = "Upgrade to the paid API plan at https://defillama.com/subscription"
NOT_FOUND = "Protocol not found"
TEN_MINUTES = {"cache-control": "public, max-age=600"}
PROTOCOL_EXPIRES = timedelta(minutes=20)

RANDOM_FAULTS = (
    faults.html(503),
    faults.html(429),
    faults.plain_text(500, "Internal server error"),
    faults.plain_text(502, "Bad Gateway"),
    faults.truncated(),
    faults.cut_off(),
    faults.reset(),
    faults.empty(),
)


class FakeDefiLlama(FakeServer):
    """The free host of DefiLlama over a cast of ours.

    Args:
        cast: exchanges and protocols.
        hidden_inflows: exchanges whose inflows are not shown, as Binance's once were not.
        is_compressed: whether answers are compressed for who accepts that.
    """

    random_faults = RANDOM_FAULTS

    def __init__(
        self,
        cast: Cast,
        *,
        hidden_inflows: Iterable[str] = (),
        is_compressed: bool = False,
        **serving: Unpack[Serving],
    ) -> None:
        self.cast = cast
        self.hidden_inflows = set(hidden_inflows)
        self._is_compressed = is_compressed
        self._bodies: dict[str, tuple[object, bytes]] = {}
        self._working = threading.Lock()
        routes: dict[str, Handler] = {
            "/protocols": self._protocols,
            "/protocol/{slug}": self._protocol,
            "/tvl/{slug}": self._tvl,
            "/cexs": self._cexs,
            "/inflows/{slug}/{timestamp}": _paid_only,
            "/emissions": _paid_only,
            "/emission/{slug}": _paid_only,
            "/raises": _paid_only,
            "/treasuries": _paid_only,
            "/oracles": _paid_only,
            "/overview/derivatives": _paid_only,
            "/summary/derivatives/{slug}": _paid_only,
        }
        super().__init__(routes, **serving)

    def _protocols(self, request: Request) -> Reply:
        now_s = to_s(request.at)
        return self._json(request, "protocols", lambda: protocol_rows(self.cast, now_s), _expires(request, minutes=10))

    def _protocol(self, request: Request, slug: str) -> Reply:
        protocol = self.cast.protocol(slug)
        if protocol is None:
            return _text(HTTPStatus.BAD_REQUEST, NOT_FOUND)
        body = partial(protocol_body, protocol, to_s(request.at))
        return self._json(request, f"protocol/{protocol.slug}", body, _expires(request, minutes=20))

    def _tvl(self, request: Request, slug: str) -> Reply:
        protocol = self.cast.protocol(slug)
        total = total_usd(protocol, latest_s(to_s(request.at))) if protocol else None
        if total is None:
            return _text(HTTPStatus.BAD_REQUEST, NOT_FOUND)
        return self._json(request, f"tvl/{slug}", lambda: total, _expires(request, minutes=10))

    def _cexs(self, request: Request) -> Reply:
        hidden = frozenset(self.hidden_inflows)
        body = partial(cex_body, self.cast, to_s(request.at), hidden)
        return self._json(request, f"cexs/{sorted(hidden)}", body, TEN_MINUTES)

    def _json(self, request: Request, name: str, make: Callable[[], object], headers: Mapping[str, str]) -> Reply:
        """The answer, worked out once an hour's record: the largest takes seconds."""
        is_small = self._is_compressed and "gzip" in request.headers.get("accept-encoding", "")
        moment = (to_s(request.at) // 86_400, latest_s(to_s(request.at)), is_small)
        with self._working:
            if name not in self._bodies or self._bodies[name][0] != moment:
                body = msgspec.json.encode(make())
                self._bodies[name] = (moment, gzip.compress(body, 6) if is_small else body)
            body = self._bodies[name][1]
        encoding = {"content-encoding": "gzip"} if is_small else {}
        return Reply(HTTPStatus.OK, body, headers={**headers, **encoding})


def _paid_only(_: Request, **__: str) -> Reply:
    return _text(HTTPStatus.PAYMENT_REQUIRED, UPGRADE)


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), "text/plain; charset=utf-8")


def _expires(request: Request, *, minutes: int) -> dict[str, str]:
    return {"expires": format_datetime(request.at + timedelta(minutes=minutes), usegmt=True)}


def main() -> None:
    """Serve until interrupted."""
    parser = parser_of("A local stand-in for DefiLlama", 8124)
    parser.add_argument("--days", type=int, default=400, help="days of history")
    parser.add_argument("--protocols", type=int, default=300, help="protocols beside the exchanges")
    parser.add_argument("--grown", help="slug of the exchange whose answer is more than 40 MB")
    parser.add_argument("--compressed", action="store_true", help="compress answers for who accepts that")
    options = parser.parse_args()
    serving = serving_of(options)
    now = serving["clock"].now()
    cast = make_cast(options.seed, now, days=options.days, fillers=options.protocols, grown=options.grown)
    serve(FakeDefiLlama(cast, is_compressed=options.compressed, **serving))


if __name__ == "__main__":
    main()
