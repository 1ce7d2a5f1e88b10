"""`train` and `score`: what is printed of a model, its worth, and the alarm where it is too good to be true."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.models.verdicts import ALARM_AUC, EDGE, NO_EDGE
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.schema import Part
from marketflows_pipeline.tutorial.recovery import measured_recovery
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import (
    EVALUATION,
    FLOWS,
    LONG_MODEL,
    MODEL,
    RANK_MODEL,
    SCORES,
    TABLES_OF_DATA,
    TRAINED,
    day,
    evaluated,
    publish_market,
)
from marketflows_pipeline_tests.cli.reports.publishing import Rows
from marketflows_pipeline_tests.models.alarms import leakage_alarm
from marketflows_pipeline_tests.warehouse.frames import frame

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clock")]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the training run: notes what was asked for; fails for gradient boosting."""
    asked: list[dict[str, Any]] = []

    def refresh(_part: Part, job_name: str, options: RunOptions) -> int:
        assert options.config.name == "config.toml"
        assert job_name == "train_models"
        [training] = options.trainings
        asked.append(asdict(training))
        return 1 if training.model == "gradient_boosting" else 0

    monkeypatch.setitem(sys.modules, "marketflows_pipeline.cli.run", SimpleNamespace(refresh=refresh))
    return asked


def changed(metric: str, value: float, lower: float, upper: float, **columns: Any) -> Rows:
    """The evaluation with another figure of the model with flows."""
    keys = (MODEL, "with_flows", metric)
    others = [
        {**row, **columns}
        for row in EVALUATION
        if (row["model_id"], row["variant"], row["metric"]) != keys or row["scope"] not in {"all", "mean of assets"}
    ]
    scope = "mean of assets" if metric in {"auc", "ablation_auc"} else "all"
    return [*others, evaluated("with_flows", metric, scope, value, (lower, upper), **columns)]


def publish_evaluation(folder: Path, rows: Rows) -> Path:
    publish_market(folder, {**TABLES_OF_DATA, "mart.model_evaluation": rows})
    return folder


def test_training_runs_first_and_the_newest_model_of_that_kind_is_told_of(
    market: Path, trained: list[dict[str, Any]]
) -> None:
    body = ask(market, "train")
    assert trained == [{"horizon": 5, "target": "direction", "model": "logistic"}]
    assert (body["model_id"], body["as_of"], body["trained_at"]) == (MODEL, TRAINED.isoformat(), TRAINED.isoformat())
    assert ask(market, "train --horizon 20 --target rank")["model_id"] == RANK_MODEL
    assert trained[-1] == {"horizon": 20, "target": "rank", "model": "logistic"}


def test_a_failed_training_gives_its_exit_code_and_no_answer(market: Path, trained: list[dict[str, Any]]) -> None:
    failed = invoke(market, "train --model gradient_boosting")
    assert (failed.exit_code, failed.stdout, len(trained)) == (1, "", 1)


@pytest.mark.usefixtures("trained")
def test_what_flows_add_is_the_headline(market: Path) -> None:
    headline = ask(market, "train")["headline"]
    assert headline["ablation"]["auc"] == {"value": 0.002, "lower_95": -0.004, "upper_95": 0.008}
    assert list(headline["ablation"]) == ["auc", "date_auc", "brier"]
    assert headline["text"] == (
        "Flow features add +0.002 to the mean AUC of assets (-0.004 to +0.008): no difference that chance does not "
        "explain."
    )
    assert invoke(market, "train --format table").stdout.splitlines()[1] == headline["text"]


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("bounds", "words"), [((0.001, 0.02), "flows help"), ((-0.02, -0.001), "flows hurt"), ((0.0, 0.02), "no diff")]
)
def test_flows_help_only_where_the_interval_is_above_0(tmp_path: Path, bounds: tuple[float, float], words: str) -> None:
    publish_evaluation(tmp_path, changed("ablation_auc", sum(bounds) / 2, *bounds))
    assert words in ask(tmp_path, "train")["headline"]["text"]


@pytest.mark.usefixtures("trained")
def test_each_variant_has_its_figures_with_intervals(market: Path) -> None:
    body = ask(market, "train")
    variants = {row["variant"]: row for row in body["variants"]}
    assert list(variants) == ["with_flows", "without_flows", "base_rate", "always_up"]
    ours = variants["with_flows"]
    assert (ours["auc"], ours["auc_lower_95"], ours["auc_upper_95"]) == (0.507, 0.491, 0.527)
    assert (ours["date_auc_lower_95"], ours["brier_skill"], ours["brier"], ours["n"]) == (0.489, -0.006, 0.2475, 5_000)
    assert (variants["base_rate"]["auc"], variants["base_rate"]["log_loss"]) == (None, None), "missing is null"
    assert [(row["symbol"], row["value"]) for row in body["auc_by_asset"]] == [("GLD", 0.49), ("SPY", 0.51)]


@pytest.mark.usefixtures("trained")
def test_the_reliability_table_has_forecast_and_outcome_of_each_bin(market: Path) -> None:
    first, second = ask(market, "train")["reliability"]
    assert first == {
        "bin": "bin 01",
        "predicted": 0.5,
        "observed": 0.52,
        "lower_95": 0.47,
        "upper_95": 0.57,
        "n": 2_500,
    }
    assert (second["predicted"], second["observed"]) == (0.62, 0.6)
    table = invoke(market, "train --format table").stdout
    assert "  bin 02: 0.620, 0.600 (0.550 to 0.650), 2,500 rows" in table
    assert "Verdict: no evidence of edge over the base rate: the interval" in table
    assert max(map(len, table.splitlines())) < 160


@pytest.mark.usefixtures("trained")
def test_the_verdict_names_its_reasons_and_scores_the_figures_that_it_rests_on(market: Path) -> None:
    said = (
        "no evidence of edge over the base rate: the interval of mean AUC of assets holds 0.5 and its Brier skill "
        "is not above 0"
    )
    model = ask(market, "score")["models"][0]
    assert ask(market, "train")["verdict"] == model["verdict"] == said
    assert model["evidence"] == "mean AUC of assets 0.507 (0.491 to 0.527), Brier skill -0.60%"


def with_placebo(lower: float, upper: float) -> Rows:
    """An AUC of 0.52 [0.51, 0.53], a skill of 0.5 % [0.2 %, 0.8 %], and what a placebo reached."""
    others = [row for row in changed("auc", 0.52, 0.51, 0.53) if row["metric"] != "brier_skill"]
    return [
        *others,
        evaluated("with_flows", "brier_skill", "all", 0.005, (0.002, 0.008)),
        evaluated("placebo", "auc", "mean of assets", 0.5, (lower, upper), n=39),
        evaluated("placebo", "brier_skill", "all", -0.001, (-0.002, 0.001), n=39),
    ]


@pytest.mark.usefixtures("trained")
def test_an_edge_is_held_against_a_placebo(tmp_path: Path) -> None:
    publish_evaluation(tmp_path, with_placebo(0.488, 0.512))
    body = ask(tmp_path, "train")
    assert body["verdict"] == "a small edge over the base rate in the past, not a promise"
    assert (body["placebo"]["draws"], body["placebo"]["auc"]["upper_95"]) == (39, 0.512)
    assert "placebo" not in {row["variant"] for row in body["variants"]}
    assert "Placebo, 39 trainings on labels permuted by blocks of dates: mean AUC of assets 0.488 to 0.512" in (
        invoke(tmp_path, "train --format table").stdout
    )


@pytest.mark.usefixtures("trained")
def test_where_permuted_labels_reach_the_auc_there_is_no_edge(tmp_path: Path) -> None:
    publish_evaluation(tmp_path, with_placebo(0.475, 0.525))
    said = "no evidence of edge over the base rate: permuted labels reach its mean AUC of assets too"
    assert ask(tmp_path, "train")["verdict"].startswith(said)


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("line", ["train", "score"])
def test_what_is_unusual_is_told_wherever_the_score_is_shown(tmp_path: Path, line: str) -> None:
    """A VIX that came two sessions early gave 0.553 [0.544, 0.562] without a word."""
    publish_evaluation(tmp_path, changed("auc", 0.553, 0.544, 0.562))
    body = ask(tmp_path, line)
    found = body if line == "train" else body["models"][0]
    assert found["leakage_alarm"] is None
    assert found["unusual"].startswith("Unusual: look for look-ahead first; the mean AUC of assets of direction_5")
    assert "; unusual: look for look-ahead first" in found["verdict"]
    for form in ("json", "table", "csv"):
        assert invoke(tmp_path, f"{line} --format {form}").stderr.strip() == f"warning: {found['unusual']}"


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("line", ["train", "score"])
@pytest.mark.parametrize("metric", ["auc", "date_auc"])
def test_a_model_too_good_to_be_true_raises_the_leakage_alarm(tmp_path: Path, metric: str, line: str) -> None:
    rows = changed(metric, 0.61, 0.581, 0.64)
    publish_evaluation(tmp_path, rows)
    expected = leakage_alarm(frame("mart.model_evaluation", *rows).filter(pl.col("model_id") == MODEL))
    assert expected
    body = ask(tmp_path, line)
    found = body["leakage_alarm"] if line == "train" else body["models"][0]["leakage_alarm"]
    assert found == expected, "the words of the check and of the command are the same"
    for form in ("json", "table", "csv"):
        assert invoke(tmp_path, f"{line} --format {form}").stderr.strip() == f"warning: {expected}"
    assert "* Leakage alarm" in invoke(tmp_path, f"{line} --format table").stdout


@pytest.mark.usefixtures("trained")
def test_no_alarm_at_the_limit_nor_on_made_up_data(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    publish_evaluation(tmp_path / "real", changed("auc", 0.61, ALARM_AUC, 0.64))
    assert ask(tmp_path / "real", "train")["leakage_alarm"] is None
    (tmp_path / "made").mkdir()
    publish_evaluation(tmp_path / "made", changed("auc", 0.61, 0.59, 0.64, is_synthetic=True))
    body = ask(tmp_path / "made", "train")
    assert (body["leakage_alarm"], body["synthetic"]) == (None, True)
    assert body["source"].startswith("Synthetic")


@pytest.mark.usefixtures("trained")
def test_made_up_data_shows_the_planted_auc_beside_the_found_one(tmp_path: Path) -> None:
    rows = [*changed("auc", 0.548, 0.53, 0.566, is_synthetic=True)]
    rows.append(evaluated("planted", "auc", "all", 0.55, is_synthetic=True))
    publish_evaluation(tmp_path, rows)
    body = ask(tmp_path, "train")
    assert body["planted_auc"] == 0.55
    assert body["found_auc"] == {"value": 0.548, "lower_95": 0.53, "upper_95": 0.566}
    assert "planted" not in {row["variant"] for row in body["variants"]}
    known = measured_recovery(5)
    assert known is not None
    assert body["recovery"] == {"markets": known.markets, "covered": known.covered, "bias": known.bias}
    told = (
        f"Over 20 markets made up alike, the interval held the planted AUC in {known.covered}; found less planted was"
    )
    assert told in invoke(tmp_path, "train --format table").stdout
    for line in ("train", "score"):
        assert "Planted AUC 0.550, found 0.548 (0.530 to 0.566)" in invoke(tmp_path, f"{line} --format table").stdout


@pytest.mark.usefixtures("trained")
def test_real_data_has_no_planted_auc(market: Path) -> None:
    assert not {"planted_auc", "recovery"} & ask(market, "train").keys()


def test_scores_are_the_newest_of_each_horizon_and_target(market: Path) -> None:
    body = ask(market, "score")
    assert [(row["symbol"], row["horizon"], row["probability"]) for row in body["scores"]] == [
        ("BTC", 5, 0.5),
        ("GLD", 5, 0.58),
        ("SPY", 5, 0.61),
        ("SPY", 20, 0.45),
        ("SPY", 20, 0.4),
    ]
    spy = body["scores"][2]
    assert (spy["bin_lower_95"], spy["bin_upper_95"], spy["base_rate"]) == (0.55, 0.65, 0.56)
    assert spy["verdict"].startswith(NO_EDGE)
    assert body["coverage"]["behind"] == ["BTC"], "its newest session is the one before"
    assert [model["model_id"] for model in body["models"]] == [MODEL, LONG_MODEL, RANK_MODEL]
    assert body["models"][0]["verdict"].startswith(NO_EDGE)


def test_a_row_never_claims_more_than_its_model(tmp_path: Path) -> None:
    """`train` said "no evidence", `score` of the same model "a small edge" for 3 of 11 assets."""
    scores = [{**row, "verdict": f"after forecasts like this ...; {EDGE}"} for row in SCORES]
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.model_scores": scores})
    body = ask(tmp_path, "score")
    assert {row["verdict"].startswith(NO_EDGE) for row in body["scores"]} == {True}
    assert body["scores"][0]["verdict"] == body["models"][0]["verdict"]


def test_a_row_keeps_its_verdict_where_its_model_has_an_edge(tmp_path: Path) -> None:
    scores = [{**row, "verdict": f"after forecasts like this ...; {EDGE}"} for row in SCORES]
    tables = {"mart.model_evaluation": with_placebo(0.488, 0.512), "mart.model_scores": scores}
    publish_market(tmp_path, {**TABLES_OF_DATA, **tables})
    assert ask(tmp_path, "score")["scores"][0]["verdict"] == f"after forecasts like this ...; {EDGE}"


def test_the_table_of_scores_says_a_shared_verdict_once(market: Path) -> None:
    text = invoke(market, "score --format table").stdout
    assert "BTC (direction, 5), SPY (direction, 5), SPY (direction, 20), SPY (rank, 20): no evidence" in text
    assert text.count("as before") == 1
    assert "GLD        5  direction             58.0                55.0              65.0           56.0" in text


def test_scores_older_than_the_newest_prices_are_stale(tmp_path: Path) -> None:
    later = [{**row, "session": day(20)} for row in FLOWS if row["session"] == day(19)]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": [*FLOWS, *later]})
    assert ask(tmp_path, "score")["stale"] is True
    assert "score anew with --refresh" in invoke(tmp_path, "score --format table").stdout


@pytest.mark.usefixtures("trained")
def test_an_evaluation_goes_stale_when_the_weekly_training_is_missed(market: Path, clock: FixedClock) -> None:
    assert ask(market, "train")["stale"] is False
    # Trained on Sunday the 15th: eight days later is Monday the 23rd, at 3 o'clock.
    clock.sleep(2.5 * 86_400)
    assert ask(market, "train")["stale"] is True


def test_without_a_model_the_command_that_trains_one_is_named(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.model_evaluation": [], "mart.model_scores": []})
    caught = fault(tmp_path, "score")
    assert caught.exit_code == 1
    assert str(caught).startswith("no model is trained yet")
    assert str(caught).endswith("marketflows --config " + str(tmp_path / "config.toml") + " train")


def test_without_a_published_file_it_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[cross_asset]\n")
    caught = fault(tmp_path, "score")
    assert caught.exit_code == 1
    assert f"train a model: marketflows --config {tmp_path / 'config.toml'} train" in str(caught)


def test_a_model_that_has_not_scored_yet_is_told_to(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.model_scores": []})
    assert str(fault(tmp_path, "score")).endswith("score --refresh")


@pytest.mark.usefixtures("trained")
def test_a_kind_of_model_that_is_not_evaluated_is_a_fault(market: Path) -> None:
    assert "no logistic model of rank over 5 sessions" in str(fault(market, "train --target rank"))


def test_scores_of_made_up_data_are_synthetic(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.model_scores": [{**row, "is_synthetic": True} for row in SCORES]})
    assert ask(tmp_path, "score")["synthetic"] is True
