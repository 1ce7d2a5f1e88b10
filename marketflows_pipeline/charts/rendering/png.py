"""PNG bytes, made smaller without changing a pixel."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")


def recompressed(png: bytes) -> bytes:
    """The same picture with its pixel data compressed as far as zlib goes; the renderer prefers speed to size.

    Raises:
        ValueError: the bytes are no PNG.
    """
    if not png.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    kept: list[tuple[bytes, bytes]] = []
    pixels = b""
    at = len(_SIGNATURE)
    while at < len(png):
        length, kind = _CHUNK.unpack_from(png, at)
        body = png[at + _CHUNK.size : at + _CHUNK.size + length]
        at += _CHUNK.size + length + 4
        if kind == b"IDAT":
            pixels += body
        else:
            kept.append((kind, body))
    kept.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(pixels), 9)))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in kept)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
