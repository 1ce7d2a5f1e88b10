"""A process that draws: reads requests on standard input, answers on standard output.

Building a specification and drawing it both take one processor; here they take neither the parent's time nor its
interpreter lock. A forked child of a process that used polars hangs, so this one is started anew.

Request: scale (float64), most bytes of a thumbnail (uint64, 0 for none), whether a job follows rather than Vega-Lite
(uint8), length (uint64); then the pickled ``(frame, spec, look)`` or the Vega-Lite JSON. Answer: ok (uint8), length and
length of the thumbnail (uint64 each); then the PNG or an error text, and the thumbnail. The thumbnail is the largest of
a few sizes of the same drawing that fits; where none does, its length is 0.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

REQUEST = struct.Struct(">dQBQ")
RESPONSE = struct.Struct(">BQQ")
THUMBNAIL_SCALES = tuple(0.5 * size for size in (1.0, 0.8, 0.64, 0.5, 0.4, 0.3, 0.2))


def serve(requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until the other side closes."""
    import vl_convert  # noqa: PLC0415 - the parent reads the wire format without loading a renderer

    vl_convert.register_font_directory(str(Path(__file__).parents[1] / "style" / "fonts"))
    while header := requests.read(REQUEST.size):
        scale, most_bytes, is_job, length = REQUEST.unpack(header)
        payload = requests.read(length)
        try:
            vega_lite = _built(payload) if is_job else payload
        except Exception as error:  # noqa: BLE001 - one chart's fault must not cost the others
            ok, answer, thumbnail = 0, f"{type(error).__name__}: {error}".encode(), b""
        else:
            ok, answer, thumbnail = _drawn(vega_lite.decode(), scale, most_bytes)
        responses.write(RESPONSE.pack(ok, len(answer), len(thumbnail)))
        responses.write(answer + thumbnail)
        responses.flush()


def _built(job: bytes) -> bytes:
    from marketflows_pipeline.charts.rendering.building import as_json, built  # noqa: PLC0415 - loads Altair

    frame, spec, look = pickle.loads(job)  # noqa: S301 - our own parent wrote it
    return as_json(built(frame, spec, look), look.theme)


def _drawn(vega_lite: str, scale: float, most_bytes: int) -> tuple[int, bytes, bytes]:
    import vl_convert  # noqa: PLC0415 - as above

    try:
        # Laying out is more than half of the work, and the same at every size.
        svg = vl_convert.vegalite_to_svg(vega_lite)
        png = vl_convert.svg_to_png(svg, scale=scale)
        sizes = (vl_convert.svg_to_png(svg, scale=size) for size in THUMBNAIL_SCALES) if most_bytes else ()
        return 1, png, next((small for small in sizes if len(small) <= most_bytes), b"")
    except Exception as error:  # noqa: BLE001 - whatever the renderer raises is the answer to this request
        return 0, str(error).encode(), b""


def main() -> None:
    """Serve over the standard streams; what a library prints goes to standard error."""
    # Ctrl-C reaches the whole group; the parent decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    responses = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, responses)


if __name__ == "__main__":
    main()
