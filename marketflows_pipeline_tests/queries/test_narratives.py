"""Which stored members a narrative has, by what the settings leave out now."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from marketflows_pipeline.queries.members import left_out, members_in_use
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


def settings_of(**keys: Any) -> Settings:
    source = {"flow_types": ["narratives"], "narratives": ["made-in-usa"], "narrative_top_n": 3}
    source |= {"exclude_categories": ["stablecoins"]}
    return Settings.model_validate({"providers": {"coingecko": source | keys}})


def store(warehouse: Warehouse, narrative: str, coins: str, *, n_in_use: int) -> None:
    """A page as it was stored before anything was left out: so many coins in use, the others in reserve."""
    rows = (
        {"observed_at": NOW, "narrative": narrative, "coin_id": coin, "rank": rank, "market_cap_usd": 1e9 / rank}
        | {"is_reserve": rank > n_in_use, "is_excluded": False, "is_full_page": narrative == "stablecoins"}
        for rank, coin in enumerate(coins.split(), 1)
    )
    warehouse.merge("raw.narrative_members", frame("raw.narrative_members", *rows))


@pytest.mark.slow
def test_a_past_day_fills_up_from_the_coins_in_reserve_for_those_left_out_since(warehouse: Warehouse) -> None:
    """Of ten coins that were in use on a day of before, three are left out by now, and seven made the narrative."""
    store(warehouse, "made-in-usa", "xrp usdc sol dai ada link avax", n_in_use=3)
    store(warehouse, "stablecoins", "usdc dai", n_in_use=2)
    for day in ("current", date(NOW.year, NOW.month, NOW.day)):
        settings = settings_of(narrative_members=day)
        assert members_in_use(warehouse, settings)["coin_id"].to_list() == ["ada", "sol", "xrp"]
        (row,) = left_out(warehouse, settings, frame("core.market_cap_grid")).rows(named=True)
        assert row["n_left_out"] == 2


def test_coins_in_reserve_stay_out_while_nothing_is_left_out(warehouse: Warehouse) -> None:
    store(warehouse, "made-in-usa", "xrp usdc sol dai ada", n_in_use=3)
    settings = settings_of(exclude_categories=[])
    assert members_in_use(warehouse, settings)["coin_id"].to_list() == ["sol", "usdc", "xrp"]
