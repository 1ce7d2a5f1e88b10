"""movers and migration as users meet them: figures, order, formats, faults in one line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.table import PAGE_WIDTH
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.market_caps.published_cap_flows import LARGE, SMALL, publish_cap_flows
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous

pytestmark = pytest.mark.usefixtures("clock")

LINES = ["movers", "movers --days 3", "movers --by supply", "movers --category Narratives --days 2", "migration"]


@pytest.fixture(scope="module")
def caps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("caps")
    publish_cap_flows(made)
    return made


def test_coins_stand_by_their_price_effect(caps: Path) -> None:
    body = ask(caps, "movers")

    assert [(row["coin_id"], row["price_effect_usd"]) for row in body["movers"]] == [
        ("alpha", 70.0),
        ("beta", -20.0),
        ("gamma", 2.0),
    ]
    assert body["movers"][1]["large_supply_step_usd"] == 30.0
    assert body["movers"][1]["is_confirmed"] is True
    assert body["movers"][0]["market_cap_before_usd"] == 1000.0
    assert body["as_of"] == "2026-11-20T00:00:00+00:00"
    assert body["coverage"]["known_for_fewer_days"] == [{"name": "GAM", "days_known": 2}]


def test_coins_stand_by_their_supply_and_are_cut_to_the_limit(caps: Path) -> None:
    body = ask(caps, "movers --by supply --limit 2")

    assert [row["coin_id"] for row in body["movers"]] == ["beta", "gamma"]
    assert (body["coverage"]["n_listed"], body["coverage"]["n_shown"]) == (3, 2)


def test_supply_of_few_days_is_not_told_apart(caps: Path) -> None:
    gamma = ask(caps, "movers --days 2")["movers"][1]
    assert (gamma["supply_effect_usd"], gamma["rest_usd"], gamma["change_usd"]) == (None, 6.0, 8.0)
    assert "supply (M USD)" not in invoke(caps, "movers --days 2 --format table").stdout
    refused = invoke(caps, "movers --by supply --days 6")
    assert refused.exit_code == 2
    assert "--by supply needs --days 7 or more" in refused.output


def test_series_have_membership_net_first_and_gross_beside(caps: Path) -> None:
    (ai,) = ask(caps, "movers --category Narratives --days 2 --by membership")["movers"]

    assert (ai["membership_usd"], ai["arrivals_usd"], ai["departures_usd"]) == (250.0, 300.0, 50.0)
    assert (ai["change_usd"], ai["change_pct"], ai["label"]) == (150.0, 15.0, "AI")
    rows = csv.DictReader(io.StringIO(invoke(caps, "movers --by membership --format csv").stdout))
    columns = list(next(rows))
    assert columns.index("membership_usd") < columns.index("arrivals_usd")


@pytest.mark.parametrize("name", ["ai", "AI"])
def test_a_series_goes_by_its_key_or_its_label(caps: Path, name: str) -> None:
    assert [row["series"] for row in ask(caps, f"movers --series {name}")["movers"]] == ["ai"]


def test_an_unknown_series_is_told_what_there_is(caps: Path) -> None:
    words = str(fault(caps, "movers --series defi"))
    assert words.startswith("no series is called 'defi'; there is: ")
    assert "Mine" in words


def test_migration_is_net_first_with_the_chain_beside_the_level(caps: Path) -> None:
    body = ask(caps, "migration")
    small, large = body["ranges"]

    flows = ("series", "net_usd", "arrivals_usd", "departures_usd", "n_arrivals", "n_departures")
    assert [small[key] for key in flows] == [SMALL, -13e9, 2e9, 15e9, 1, 2]
    assert [large[key] for key in flows] == [LARGE, 12e9, 12e9, 0.0, 1, 0]
    assert (small["level_change_pct"], small["chain_change_pct"]) == (50.0, -10.0)
    assert (large["level_change_pct"], large["chain_change_pct"]) == (None, 10.0)
    assert body["coverage"] == {"is_known": True, "n_coins_crossed": 3, "other_cap_not_stored": ["beta"]}
    assert [pair["crossed_usd"] for pair in body["pairs"]] == [12e9, 3e9, 2e9]
    text = invoke(caps, "migration --format table").stdout
    assert "3 coins crossed a limit in 7 days" in text
    assert "ALP moved from the range $1B to $10B to the range above $10B, at 12.00 B USD" in text
    assert "GAM was delisted from the range $1B to $10B, at 3.00 B USD" in text


def test_without_a_cohort_of_that_day_nothing_is_claimed(caps: Path) -> None:
    body = ask(caps, "migration --days 30")

    assert (body["coverage"]["is_known"], body["coins"]) == (False, [])
    assert "has not been stored for 30 days yet" in invoke(caps, "migration --days 30 --format table").stdout


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_an_answer_ages_and_fits_the_page(caps: Path, clock: FixedClock, line: str) -> None:
    assert ask(caps, line)["stale"] is False
    lines = invoke(caps, f"{line} --format table").stdout.splitlines()
    assert max(map(len, lines)) <= PAGE_WIDTH
    assert [text for text in lines if text.startswith("* ")]
    # The close of 00:00 is asked for at 18:00, and of use for 26 hours.
    clock.sleep(8.1 * 3600)
    assert ask(caps, line)["stale"] is True


@pytest.mark.parametrize("line", LINES)
def test_the_tutorials_figures_are_marked(caps: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(caps)
    body = ask(caps, line, tutorial=True)
    assert (body["synthetic"], body["stale"]) == (True, False)
    assert body["source"].startswith("Synthetic")


@pytest.mark.slow
def test_nothing_attributed_yet_is_one_line(tmp_path: Path) -> None:
    publish_cap_flows(tmp_path, {"mart.cap_attribution": [], "mart.range_chain": [], "mart.range_migration": []})

    assert table("mart.cap_attribution").may_be_empty
    for line in ("movers", "migration"):
        assert "run the pipeline" in str(fault(tmp_path, line))


@pytest.mark.slow
def test_hostile_names_say_nothing_to_a_terminal(tmp_path: Path) -> None:
    stored = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"]
    names = [
        {"coin_id": coin, "symbol": stored[place], "name": stored[-place]}
        for place, coin in enumerate(("alpha", "beta", "gamma"), start=1)
    ]
    publish_cap_flows(tmp_path, {"raw.coins": names})

    for line in ("movers", "migration"):
        for form in ("table", "json", "csv"):
            assert dangerous(invoke(tmp_path, f"{line} --format {form}").stdout) == set()
