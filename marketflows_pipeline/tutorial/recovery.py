"""How well training recovered the planted signal of made-up markets, as it was measured over many of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from marketflows_pipeline.tutorial.files import PACKAGED

RECOVERY_FILE = PACKAGED / "recovery.json"


@dataclass(frozen=True)
class Recovery:
    """What ``python -m benchmarks.recovery`` measured at one horizon.

    Attributes:
        markets: how many were drawn by the tutorial's law, one a seed.
        covered: in how many of them the 95 % interval of the mean AUC of assets held the best possible one.
        bias: mean of the found AUC less the best possible one; a model that has to learn finds less.
    """

    markets: int
    covered: int
    bias: float


def measured_recovery(horizon: int) -> Recovery | None:
    """The record of a horizon; None for one that was not measured."""
    known = json.loads(RECOVERY_FILE.read_text(encoding="utf-8")).get(str(horizon))
    return None if known is None else Recovery(known["markets"], known["covered"], known["bias"])
