"""A process that turns Vega-Lite into PNG: reads requests on standard input, responses on standard output.

The file is run by its path with nothing but vl-convert, so that a worker starts in a moment and drawing never shares
the parent's memory: vl-convert holds the interpreter lock while it draws, and a forked child of a process that used
polars hangs.

Request: scale (float64), length (uint64), the Vega-Lite JSON. Answer: ok (uint8), length (uint64), PNG or error text.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

REQUEST = struct.Struct(">dQ")
RESPONSE = struct.Struct(">BQ")


def serve(requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until the other side closes."""
    import vl_convert  # noqa: PLC0415 - the parent reads the wire format without loading a renderer

    vl_convert.register_font_directory(str(Path(__file__).parents[1] / "style" / "fonts"))
    while header := requests.read(REQUEST.size):
        scale, length = REQUEST.unpack(header)
        vega_lite = requests.read(length).decode()
        try:
            ok, payload = 1, vl_convert.vegalite_to_png(vega_lite, scale=scale)
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
