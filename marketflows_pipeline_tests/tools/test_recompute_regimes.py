"""Regimes computed a second time from raw tables agree with the package's."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import duckdb
import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline_tests.tools.conftest import LoadTool

pytestmark = pytest.mark.slow

SESSIONS = 420
PAIRS = (("HYG", "TLT"), ("IWM", "SPY"), ("BTC", "GLD"))


@pytest.fixture(scope="module")
def script(tool: LoadTool) -> ModuleType:
    return tool("recompute_regimes")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random walks with holes, and the regimes that the package makes of them."""
    draw = random.Random(1)
    first = date(2024, 1, 1)
    days = [first + timedelta(days=number) for number in range(SESSIONS * 7 // 5)]
    bars, indices = [], []
    for symbol in ("HYG", "TLT", "IWM", "SPY", "BTC", "GLD"):
        is_coin, close = symbol == "BTC", 100.0
        for day in days:
            close *= 1 + draw.gauss(0, 0.01)
            if (is_coin or day.weekday() < 5) and draw.random() < 0.97:
                bars.append((symbol, day, close, "usd" if is_coin else "shares"))
    for name in ("VIX", "VIX3M"):
        level = 20.0
        for day in days:
            level *= 1 + draw.gauss(0, 0.05)
            if draw.random() < 0.97:
                indices.append((name, day, level))
    flows = pl.DataFrame(bars, schema=["symbol", "session", "close_usd", "volume_unit"], orient="row")
    volatility = pl.DataFrame(indices, schema=["index_name", "session", "close"], orient="row")
    is_fund_day = pl.col("session").is_in(flows.filter(volume_unit="shares")["session"].unique().implode())
    made = regimes(
        volatility,
        flows.filter(is_fund_day),
        risk_on_below=0.33,
        risk_off_above=0.8,
        hysteresis=0.05,
        confirm_sessions=3,
        ratio_pairs=PAIRS,
    )
    path = tmp_path_factory.mktemp("recomputed") / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        for name, frame in (
            ("accepted.daily_bars", flows),
            ("accepted.volatility_index", volatility),
            ("mart.regimes", made),
        ):
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.register("given", frame)
            connection.execute(f"create table {name} as from given")
            connection.unregister("given")
    return path


def test_regimes_agree_with_those_computed_from_raw_tables(
    script: ModuleType, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule that is written twice, from its text, has to be wrong twice to go unseen."""
    assert script.main([str(warehouse)]) == 0
    assert capsys.readouterr().out.endswith("sessions, 0 differences\n")
    with duckdb.connect(warehouse, read_only=True) as connection:
        found = connection.sql("select regime, count(*) from mart.regimes group by all").fetchall()
    assert {name for name, _ in found} == {"risk_on", "mixed", "risk_off", None}


def test_a_label_that_is_not_the_rule_s_is_told(
    script: ModuleType, warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(warehouse.read_bytes())
    with duckdb.connect(changed) as connection:
        newest = "session = (select max(session) from mart.regimes)"
        ((day, regime),) = connection.execute(f"select session, regime from mart.regimes where {newest}").fetchall()
        connection.execute(f"update mart.regimes set regime = 'unheard of' where {newest}")

    assert script.main([str(changed)]) == 1
    assert f"{day} regime: stored unheard of, computed {regime}" in capsys.readouterr().out


def test_the_script_says_that_it_needs_a_file(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 2
    assert "which file" in capsys.readouterr().err
