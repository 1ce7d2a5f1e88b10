"""What `rotation` answers: places, the log, and chance beside every figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import CONFIG, NOW
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

pytestmark = pytest.mark.usefixtures("clock")

# 20 November 2026, 18:00.
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
WEEK = datetime(2026, 11, 14, tzinfo=UTC)
BITCOIN = {"universe": "narratives", "benchmark": "bitcoin"}


def back(days: int) -> datetime:
    return NEWEST - timedelta(days=days)


def point(series: str, quadrant: str | None, ratio: float, **columns: Any) -> dict[str, Any]:
    usual = BITCOIN | {"ts": NEWEST, "is_backfilled": False}
    return usual | {"series": series, "quadrant": quadrant, "ratio": ratio, "momentum": 101.0, **columns}


def stay(series: str, days: int, quadrant: str, left: datetime | None = None, **columns: Any) -> dict[str, Any]:
    usual = BITCOIN | {"is_seen_to_begin": True, "is_backfilled": False, "return_pct": -1.25}
    return usual | {
        "series": series,
        "entered_at": back(days),
        "left_at": left,
        "quadrant": quadrant,
        "days": days,
        **columns,
    }


def figure(statistic: str, value: float, *band: float, **columns: Any) -> dict[str, Any]:
    lower, upper = band or (None, None)
    usual = BITCOIN | {"as_of": NEWEST, "n_entries": 200, "n_series": 2, "n_steps": 400, "n_backfilled": 0}
    return usual | {"statistic": statistic, "value": value, "lower": lower, "upper": upper, **columns}


TABLES = {
    "core.series": [{"category": "Narratives", "series": "ai", "label": "Artificial intelligence"}],
    "mart.rotation": [
        point("meme", "lagging", 99.0, heading_deg=225.0, speed=0.5),
        point("ai", "leading", 101.0),
        point("l1", "leading", 102.0),
        point("new", None, 101.5, momentum=None),
        point("ai", "improving", 99.5, ts=back(1)),
        point("ended", "leading", 103.0, ts=back(40)),
        point("ai", "lagging", 98.0, benchmark="ethereum"),
    ],
    "mart.rotation_log": [
        stay("ai", 8, "improving", back(3)),
        stay("ai", 3, "leading"),
        stay("l1", 91, "leading"),
        stay("meme", 5, "lagging", is_seen_to_begin=False),
        stay("ai", 30, "lagging", benchmark="ethereum"),
    ],
    "mart.rotation_placebo": [
        figure("return_after_leading", 0.9, -0.2, 0.2),
        figure("return_after_lagging", 0.1, reason="too short to tell: 29 of 30 entries"),
        figure("dwell", 6.5, 5.9, 6.7),
        figure("clockwise_pct", 76.4, 74.4, 80.0),
    ],
}


@pytest.fixture(scope="module")
def narratives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("narratives")
    publish(folder, "market_caps", TABLES)
    return folder


def publish(folder: Path, part: Any, tables: dict[str, list[dict[str, Any]]]) -> None:
    frames = {
        entry.name: frame(entry.name, *tables[entry.name]) if entry.name in tables else entry.empty()
        for entry in tables_of(part)
        if entry.view_sql is None and (entry.name in tables or entry.may_be_empty)
    }
    publish_tables(folder, part, frames, config=CONFIG if part == "cross_asset" else "", now=NOW)


def test_series_stand_by_quadrant_and_strength_with_their_open_stay(narratives: Path) -> None:
    body = ask(narratives, "rotation")

    assert [(row["name"], row["quadrant"], row["days"]) for row in body["series"]] == [
        ("l1", "leading", 91),
        ("Artificial intelligence", "leading", 3),
        ("meme", "lagging", 5),
        ("new", None, None),
    ]
    assert [row["since"] for row in body["series"]] == ["2026-08-21", "2026-11-17", "2026-11-15 or longer", None]
    assert body["series"][2]["return_pct"] == -1.25
    assert (body["universe"], body["benchmark"], body["step"]) == ("narratives", "bitcoin", "close")
    assert (body["as_of"], body["stale"], body["synthetic"]) == ("2026-11-20T00:00:00+00:00", False, False)
    ended = [{"series": "ended", "newest": "2026-10-11T00:00:00+00:00"}]
    assert body["coverage"]["without_the_newest_close"] == ended


def test_the_log_reaches_back_ninety_days(narratives: Path) -> None:
    log = ask(narratives, "rotation")["log"]

    assert [(row["series"], row["quadrant"]) for row in log] == [
        ("ai", "leading"),
        ("meme", "lagging"),
        ("ai", "improving"),
    ]


def test_chance_stands_beside_every_figure(narratives: Path) -> None:
    body = ask(narratives, "rotation")

    assert body["verdict"] == (
        "76 % clockwise; chance alone gives 74 to 80 %; 1 of 3 figures outside of chance: return after leading"
    )
    assert [(row["statistic"], row["is_outside"]) for row in body["placebo"]] == [
        ("clockwise_pct", False),
        ("dwell", False),
        ("return_after_leading", True),
        ("return_after_lagging", None),
    ]
    table = invoke(narratives, "rotation --format table").stdout
    assert "Return after lagging +0.10 expected deviations; too short to tell: 29 of 30 entries." in table
    assert "Judged over 2 of 4 series and the 400 closes that all of these have." in table


def test_another_base_has_places_of_its_own(narratives: Path) -> None:
    body = ask(narratives, "rotation --base ethereum")

    assert [(row["series"], row["quadrant"], row["days"]) for row in body["series"]] == [("ai", "lagging", 30)]
    assert body["placebo"] == []


@pytest.mark.slow
def test_back_filled_closes_are_said_so(tmp_path: Path) -> None:
    placebo = [row | {"n_backfilled": 120} for row in TABLES["mart.rotation_placebo"]]
    publish(tmp_path, "market_caps", TABLES | {"mart.rotation_placebo": placebo})

    assert ask(tmp_path, "rotation")["verdict"].endswith("; 120 of 400 closes back-filled")
    assert "120 closes are before the first stored members" in " ".join(
        invoke(tmp_path, "rotation --format table").stdout.split()
    )


@pytest.mark.slow
def test_a_close_of_more_than_fifty_hours_ago_is_stale(tmp_path: Path) -> None:
    old = [row | {"ts": back(2)} for row in TABLES["mart.rotation"][:3]]
    publish(tmp_path, "market_caps", TABLES | {"mart.rotation": old})

    assert ask(tmp_path, "rotation")["stale"]


def test_an_unknown_base_is_refused_with_those_that_there_are(narratives: Path) -> None:
    refused = fault(narratives, "rotation --base dogecoin")

    assert isinstance(refused, UserInputError)
    assert str(refused) == "no rotation against dogecoin is stored; there is: bitcoin, ethereum"


def test_an_empty_base_is_refused(narratives: Path) -> None:
    result = CliRunner().invoke(marketflows, ["--config", str(narratives / "config.toml"), "rotation", "--base", " "])

    assert str(result.exception) == "--base is empty"


def test_a_base_is_for_narratives_alone(narratives: Path) -> None:
    result = CliRunner().invoke(
        marketflows,
        ["--config", str(narratives / "config.toml"), "rotation", "--universe", "flows", "--base", "bitcoin"],
    )

    assert result.exit_code == 2
    assert "--base is for narratives" in result.stderr


@pytest.mark.slow
def test_without_a_rotation_the_run_that_makes_one_is_named(tmp_path: Path) -> None:
    publish(tmp_path, "market_caps", {"core.series": TABLES["core.series"]})

    assert str(fault(tmp_path, "rotation")).endswith(
        "yet; fetch it: marketflows --config " + str(tmp_path / "config.toml")
    )


@pytest.mark.slow
def test_assets_and_flows_are_answered_from_their_part(tmp_path: Path) -> None:
    of = {
        "cross-asset": {"universe": "cross-asset", "benchmark": "SPY", "ts": WEEK},
        "flows": {"universe": "flows", "benchmark": "none", "ts": WEEK},
    }
    publish(
        tmp_path,
        "cross_asset",
        {
            "mart.cross_asset_rotation": [
                point("GLD", "leading", 101.0, **of["cross-asset"]),
                point("SPY", "lagging", 99.0, **of["flows"]),
            ],
            "mart.cross_asset_rotation_placebo": [
                figure("clockwise_pct", 76.0, reason="too short to tell: 90 of 156 weeks") | of["cross-asset"]
            ],
        },
    )

    assets, flows = (ask(tmp_path, f"rotation --universe {name}") for name in of)

    assert (assets["benchmark"], [row["series"] for row in assets["series"]]) == ("SPY", ["GLD"])
    assert assets["verdict"] == "76 % clockwise; too short to tell: 90 of 156 weeks"
    assert (assets["step"], assets["stale"]) == ("week", False)
    assert (flows["benchmark"], [row["series"] for row in flows["series"]]) == ("none", ["SPY"])
    assert flows["verdict"] == "No band of chance is made for flows, which go on for weeks by themselves"


@pytest.mark.parametrize("form", ["json", "table", "csv"])
def test_it_is_answered_in_each_form(narratives: Path, form: str) -> None:
    result = invoke(narratives, f"rotation --format {form}")

    assert result.exit_code == 0
    assert "Artificial intelligence" in result.stdout
