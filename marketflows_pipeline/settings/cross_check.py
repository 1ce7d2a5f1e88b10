"""``[market_caps]``: the check of market caps against a second provider."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from marketflows_pipeline.options import ServiceName
from marketflows_pipeline.settings.fields import CoinId, TomlTable, expected


class MarketCaps(TomlTable):
    """``[market_caps]``."""

    cross_check: ServiceName | None = Field(
        None, description="A second provider whose market caps are compared once a day, by one call; none by default"
    )
    cross_check_ids: Mapping[CoinId, CoinId] = Field(
        {}, description="Its coin ids by those of the first, where symbol and name do not tell: marketflows ids map"
    )

    @field_validator("cross_check_ids")
    @classmethod
    def _each_id_once(cls, ids: Mapping[str, str]) -> Mapping[str, str]:
        if len(set(ids.values())) < len(ids):
            raise expected("each id of the second provider for one coin only")
        return ids
