"""From a chart's figures and specification to the Vega-Lite that the renderer takes. Loads Altair."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from typing import Any

import polars as pl
from altair.utils import schemapi

from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.colours import Theme, with_values
from marketflows_pipeline.charts.style.look import Look, drawn_as
from marketflows_pipeline.system.printable import boxed


def built(frame: pl.DataFrame, spec: Spec, look: Look) -> dict[str, Any]:
    """The Vega-Lite of a chart, its colours still by their names."""
    draw: Callable[[pl.DataFrame, Spec], Any] = pkgutil.resolve_name(spec.draw)
    # The tests validate what is built; here it would cost half of the building again (67 checks of a ranking).
    with schemapi.debug_mode(False), drawn_as(look):
        vega_lite: dict[str, Any] = draw(frame, spec).to_dict(validate=False)
    # A screen reader's attributes are a tenth of the drawing, and no chart shows them.
    vega_lite["config"]["aria"] = False
    return vega_lite


def as_json(vega_lite: object, theme: Theme) -> bytes:
    """A specification as the renderer reads it, in the colours of a theme."""
    # The renderer hands texts on as XML, which holds no control characters.
    return json.dumps(with_values(vega_lite, theme, boxed)).encode()
