"""A service that answers in bad faith: named attacks on a real socket, below HTTP where that is the attack.

Each attack is an iterator over the bytes that are sent until the client hangs up; most have no end of their own.
"""

from __future__ import annotations

import base64
import gzip
import json
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count, repeat
from typing import Self, TypeAlias
from urllib.parse import quote

from marketflows_pipeline_tests.fakes.fund_issuers.workbook_bombs import SPREADSHEETML, XLSX

Attack: TypeAlias = Callable[[], Iterator[bytes]]

KEY = "CG-aBcD/eFgH+1234567890x"
OK = b"HTTP/1.1 200 OK\r\n"
JSON = b"content-type: application/json\r\n"
PIECE = b"x" * (1 << 16)
# Deflate's empty stored block: bytes that unpack to nothing.
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
GZIP_HEAD = gzip.compress(b"")[:10]


class HostileServer:
    """A server at ``url`` that makes the attack it is set to, whatever is asked.

    Attributes:
        attack: what is sent to the next clients.
        sent: bytes that were sent since it was last set to 0.
        n_asked: requests since then.
    """

    def __init__(self) -> None:
        self.attack: Attack = lambda: iter(())
        self.sent = 0
        self.n_asked = 0
        self.stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Base address for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    # Its clients are gone when it stops, so that no thread of it, and no socket, outlives it.
    block_on_close = True
    request_queue_size = 128

    def __init__(self, hostile: HostileServer) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.hostile = hostile

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Client(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 10
    disable_nagle_algorithm = True

    def handle(self) -> None:
        hostile = self.server.hostile
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        hostile.n_asked += 1
        with suppress(OSError):
            for piece in hostile.attack():
                if hostile.stopping.is_set():
                    return
                self.connection.sendall(piece)
                hostile.sent += len(piece)


def answer(body: bytes, head: bytes = JSON, status: bytes = OK) -> Attack:
    """A whole answer."""
    length = b"content-length: %d\r\n" % len(body)
    return lambda: iter([status + head + length + b"\r\n" + body])


def endless(start: bytes, more: bytes) -> Attack:
    """The same bytes again and again."""

    def send() -> Iterator[bytes]:
        yield start
        yield from repeat(more)

    return send


def header_flood() -> Iterator[bytes]:
    """Header after header, each another one."""
    yield OK
    for at in count():
        yield b"x-%d: %s\r\n" % (at, b"y" * 1000)


def dripped(content: bytes) -> Attack:
    """Byte by byte, then the last one again and again."""

    def send() -> Iterator[bytes]:
        for byte in content:
            yield bytes([byte])
        yield from repeat(b"y")

    return send


def echoes(key: str) -> Mapping[str, str]:
    """A key in the forms that a service may repeat it in."""
    encoded = key.encode()
    shifted = {f"base64 after {n}": base64.b64encode(b"k" * n + encoded + b"!").decode() for n in range(3)}
    return {
        "as it is": key,
        "lower case": key.lower(),
        "swapped case": key.swapcase(),
        "URL-encoded": quote(key, safe=""),
        "URL-encoded throughout": "".join(f"%{byte:02X}" for byte in encoded),
        "URL-encoded twice": quote(quote(key, safe=""), safe=""),
        "JSON-escaped": "".join(f"\\u{ord(letter):04x}" for letter in key),
        "HTML-escaped": "".join(f"&#{ord(letter)};" for letter in key),
        "hexadecimal": encoded.hex(),
        "hexadecimal with colons": encoded.hex(":").upper(),
        "urlsafe base64": base64.urlsafe_b64encode(encoded).decode(),
        "spaced": " ".join(key),
        "with control characters": "\x1b".join(key),
        "backwards": key[::-1],
        **shifted,
    }


def _echo_attacks() -> Iterator[tuple[str, Attack]]:
    forms = echoes(KEY)
    everything = " | ".join(forms.values()).encode()
    for name, form in forms.items():
        yield f"key echoed under 429: {name}", answer(b'{"error": "' + form.encode() + b'"}', JSON, _status(429))
    for status in (200, 400, 401, 403, 404, 418, 500):
        yield f"key echoed under {status}", answer(b'{"error": "' + everything + b'"}', JSON, _status(status))
        yield f"key echoed as text under {status}", answer(everything, b"content-type: text/plain\r\n", _status(status))
    said = KEY.encode()
    yield "key echoed as the reason", answer(b"{}", JSON, b"HTTP/1.1 500 " + said + b"\r\n")
    yield "key echoed as the status line", lambda: iter([said + b" " + said + b"\r\n\r\n"])
    yield "key echoed as a header", answer(b"7", JSON + b"x-key: " + said + b"\r\n", _status(503))
    yield "key echoed as the encoding", answer(b"7", JSON + b"content-encoding: " + said + b"\r\n")
    yield "key echoed as a wait", answer(b"{}", JSON + b"retry-after: " + said + b"\r\n", _status(429))
    yield "key echoed in a bad header", lambda: iter([OK + said + b"\r\n\r\n"])


def _status(status: int) -> bytes:
    return b"HTTP/1.1 %d Said\r\n" % status


def _wait(value: bytes, header: bytes = b"retry-after") -> Attack:
    return answer(b"{}", JSON + header + b": " + value + b"\r\n", _status(429))


def _redirect(location: bytes) -> Attack:
    return answer(b"", b"location: " + location + b"\r\n", _status(302))


PACKED = JSON + b"content-encoding: "
BOMB = gzip.compress(bytes(20_000_000))
CHUNKED = OK + JSON + b"transfer-encoding: chunked\r\n\r\n"

ATTACKS: Mapping[str, Attack] = {
    "plain flood": endless(OK + JSON + b"\r\n", PIECE),
    "flood of blanks": endless(OK + JSON + b"\r\n", b" " * (1 << 16)),
    "flood of line breaks": endless(OK + JSON + b"\r\n", b"\n" * (1 << 16)),
    "flood of an error": endless(_status(500) + b"\r\n", PIECE),
    "gzip bomb": answer(BOMB, PACKED + b"gzip\r\n"),
    "gzip bomb of an error": answer(BOMB, PACKED + b"gzip\r\n", _status(404)),
    "gzip within gzip": answer(gzip.compress(BOMB), PACKED + b"gzip, gzip\r\n"),
    "packed by brotli": answer(b"\x1b\xff\xff", PACKED + b"br\r\n"),
    "packed by zstandard": answer(b"\x28\xb5\x2f\xfd", PACKED + b"zstd\r\n"),
    "packed by deflate": answer(zlib.compress(bytes(20_000_000)), PACKED + b"deflate\r\n"),
    "gzip that is none": answer(b"{}" * 100, PACKED + b"gzip\r\n"),
    "gzip that does not end": answer(BOMB[:40], PACKED + b"gzip\r\n"),
    "empty blocks without end": endless(OK + PACKED + b"gzip\r\n\r\n" + GZIP_HEAD, EMPTY_BLOCK * 10_000),
    "empty files without end": endless(OK + PACKED + b"gzip\r\n\r\n", gzip.compress(b"") * 3_000),
    "deep lists": answer(b"[" * 200_000),
    "deep lists that end": answer(b"[" * 100_000 + b"]" * 100_000),
    "deep objects": answer(b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
    "a number of 5,000 digits": answer(b'{"prices": ' + b"9" * 5000 + b"}"),
    "numbers beyond all": answer(b'{"prices": 1e400, "tvl": -1e400, "cexs": NaN}'),
    "wide object": answer(json.dumps({f"k{at}": 0 for at in range(15_000)}).encode()),
    "wide line": answer(b"," * 200_000, b"content-type: text/csv\r\n"),
    "many lines": answer(b"\n" * 200_000 + b"x", b"content-type: text/csv\r\n"),
    "twice the same key": answer(b'{"prices": 1, "prices": 2}'),
    "half a character": answer(b'{"\\ud800": "\\udfff"}'),
    "NUL": answer(b"\x00" * 1000),
    "NUL in JSON": answer(b'{"\\u0000": "\\u0000"}'),
    "no UTF-8": answer(b'{"\xff\xfe": 1}'),
    "UTF-16": answer('{"prices": 1}'.encode("utf-16")),
    "a page": answer(b"<!DOCTYPE html><title>\x1b[31mred\n\nline</title>", b"content-type: text/html\r\n"),
    "a number labelled as a page": answer(b"7", b"content-type: text/html\r\n"),
    "a number": answer(b"7"),
    "nothing": answer(b""),
    "no content": answer(b"", status=_status(204)),
    "an escape sequence": answer(b'{"error": "\\u001b[2J\\nforged line"}', status=_status(404)),
    "interim answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "switching protocols": lambda: iter([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxxx"]),
    "headers without end": header_flood,
    "a header without end": endless(OK + b"x: ", b"y" * 1000),
    "a status line without end": endless(b"HTTP/1.1 200 ", b"y" * 1000),
    "headers byte by byte": dripped(OK + JSON + b"x: "),
    "body byte by byte": dripped(OK + JSON + b"\r\n["),
    "chunks byte by byte": endless(CHUNKED, b"1\r\n[\r\n" * 500),
    "a chunk's extension without end": endless(CHUNKED + b"1;", b"x" * 1000),
    "chunks with long extensions": endless(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\n[\r\n"),
    "a chunk of a wrong size": lambda: iter([CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"]),
    "a chunk of an endless size": lambda: iter([CHUNKED + b"f" * 30 + b"\r\n{}"]),
    "trailers without end": endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: yyyyyyyyyyyyyyyy\r\n" * 100),
    "a length that lies": lambda: iter([OK + JSON + b"content-length: 1000000000000\r\n\r\n{}"]),
    "a length below zero": lambda: iter([OK + JSON + b"content-length: -1\r\n\r\n{}"]),
    "a length of many digits": lambda: iter([OK + JSON + b"content-length: " + b"9" * 5000 + b"\r\n\r\n{}"]),
    "two lengths": lambda: iter([OK + JSON + b"content-length: 2\r\ncontent-length: 9\r\n\r\n{}"]),
    "no HTTP": lambda: iter([b"SSH-2.0-OpenSSH_9.6\r\n"]),
    "noise": lambda: iter([bytes(range(256)) * 40]),
    "a version of its own": lambda: iter([b"HTTP/9.9 200 OK\r\n\r\n{}"]),
    "a status of five digits": lambda: iter([b"HTTP/1.1 99999 OK\r\n\r\n{}"]),
    "a status of 999": answer(b"{}", status=_status(999)),
    "hanging up": lambda: iter([]),
    "a wait without end": _wait(b"9" * 400),
    "a wait of 5,000 digits": _wait(b"9" * 5000),
    "a wait below zero": _wait(b"-5"),
    "a wait that is no number": _wait(b"NaN"),
    "a wait in other digits": _wait("٣٣٣٣".encode()),
    "a wait to the year 99999": _wait(b"Fri, 31 Dec 99999 23:59:59 GMT"),
    "a wait in an odd zone": _wait(b"Fri, 31 Dec 2026 23:59:59 +99999999"),
    "a reset that is rubbish": _wait(b"9" * 400 + b"-01-01 00:00:00 +0000", b"x-ratelimit-reset"),
    "a redirect to a file": _redirect(b"file:///etc/passwd"),
    "a redirect to another host": _redirect(b"https://example.org/"),
    "a redirect to itself": _redirect(b"/"),
    "a redirect to no address": _redirect(b"http://[::1:99999/\x80"),
    "cookies without end": answer(b"7", JSON + b"".join(b"set-cookie: c%d=%d\r\n" % (at, at) for at in range(2000))),
    "a workbook with a cell far away": answer(XLSX["one cell far away"](), b"content-type: application/zip\r\n"),
    "a binary workbook": answer(XLSX["a binary workbook"](), b"content-type: application/zip\r\n"),
    "a workbook that lies": answer(XLSX["a sheet that lies about its size"](), b"content-type: application/zip\r\n"),
    "a document nested beyond measure": answer(
        SPREADSHEETML["nested beyond measure"]()[:200_000] + b"</ss:Worksheet></ss:Workbook>",
        b"content-type: text/xml\r\n",
    ),
    **dict(_echo_attacks()),
}
