"""``[narrative_index]``: how the chained index of narratives and portfolios is made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from marketflows_pipeline.settings.fields import TomlTable, Whole

# Members are stored down to this many places below the last one in use.
MAX_BUFFER = 5


class NarrativeIndex(TomlTable):
    """Rule of the chained index. A change starts a new version at the next close, chained to what is stored."""

    weighting: Literal["cap", "capped", "equal"] = Field(
        "cap", description='Weights of the members: "cap", "capped" (at most the larger of 25 % and 1/n) or "equal"'
    )
    reconstitution: Literal["weekly", "monthly", "quarterly"] = Field(
        "monthly", description="How often members and weights are set anew, at the period's first close"
    )
    buffer: Whole = Field(
        2, ge=0, le=MAX_BUFFER, description="A member stays until it falls this many places below narrative_top_n"
    )
