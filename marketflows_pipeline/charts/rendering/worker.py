"""A process that turns Vega-Lite into PNG: reads requests on standard input, responses on standard output.

The file is run by its path with nothing but vl-convert, so that a worker starts in a moment and drawing never shares
the parent's memory: vl-convert holds the interpreter lock while it draws, and a forked child of a process that used
polars hangs.

Request: scale (float64), most bytes (uint64, 0 for any), length (uint64), the Vega-Lite JSON. Answer: ok (uint8),
length (uint64), PNG or error text. Where the bytes are limited, the PNG is the largest of a few sizes that fits.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

REQUEST = struct.Struct(">dQQ")
RESPONSE = struct.Struct(">BQ")
SHRINKING = (1.0, 0.8, 0.64, 0.5, 0.4, 0.3, 0.2)


def serve(requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until the other side closes."""
    import vl_convert  # noqa: PLC0415 - the parent reads the wire format without loading a renderer

    vl_convert.register_font_directory(str(Path(__file__).parents[1] / "style" / "fonts"))
    while header := requests.read(REQUEST.size):
        scale, most_bytes, length = REQUEST.unpack(header)
        vega_lite = requests.read(length).decode()
        try:
            # Laying out is two thirds of the work, and the same at every size.
            svg = vl_convert.vegalite_to_svg(vega_lite)
            sizes = SHRINKING if most_bytes else (1.0,)
            pngs = (vl_convert.svg_to_png(svg, scale=scale * size) for size in sizes)
            fitting = (png for png in pngs if not most_bytes or len(png) <= most_bytes)
            ok, payload = 1, next(fitting, None)
            if payload is None:
                ok, payload = 0, f"it needs more than {most_bytes} bytes at any size".encode()
        except Exception as error:  # noqa: BLE001 - whatever the renderer raises is the answer to this request
            ok, payload = 0, str(error).encode()
        responses.write(RESPONSE.pack(ok, len(payload)))
        responses.write(payload)
        responses.flush()


def main() -> None:
    """Serve over the standard streams; what a library prints goes to standard error."""
    # Ctrl-C reaches the whole group; the parent decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    responses = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, responses)


if __name__ == "__main__":
    main()
