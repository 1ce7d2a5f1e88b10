"""Controls of the whole harness: it finds nothing where nothing is, and what is there where something is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.errors import TooLittleDataError
from marketflows_pipeline.models import metrics, out_of_sample
from marketflows_pipeline.models.dataset import Dataset, dataset
from marketflows_pipeline.models.estimators import Calibrated, Kind, sigmoid
from marketflows_pipeline.models.evaluation import leakage_alarm
from marketflows_pipeline.models.labels import labels
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.training import TrainedModel, train
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline.schema import table
from marketflows_pipeline_tests.models.made_up import TRAINED_AT, market, weekdays

pytestmark = pytest.mark.slow

# Normal with deviation 1, a feature with this log odds ranks a 1 above a 0 in 55 % of pairs.
EFFECT = 0.178


def trained(
    panel: pl.DataFrame,
    of: pl.DataFrame,
    *,
    kind: Kind = "logistic",
    horizon: int = 1,
    seed: int = 3,
    is_synthetic: bool = True,
    resamples: int = 200,
    walk: WalkForward | None = None,
) -> TrainedModel:
    return train(
        panel,
        of,
        horizon=horizon,
        target="direction",
        model=kind,
        seed=seed,
        trained_at=TRAINED_AT,
        is_synthetic=is_synthetic,
        walk=walk or WalkForward(horizon=horizon, min_train=400, refit_every=150),
        resamples=resamples,
        placebo_draws=3,
    )


def figure(found: TrainedModel, metric: str, scope: str, variant: str = "with_flows") -> dict[str, float]:
    is_it = (pl.col("metric") == metric) & (pl.col("scope") == scope) & (pl.col("variant") == variant)
    return found.evaluation.row(by_predicate=is_it, named=True)


@pytest.fixture(scope="module")
def planted() -> TrainedModel:
    made = market(sessions=1500, symbols=10, effect=EFFECT)
    return trained(made.panel, made.labels)


def test_the_planted_signal_is_what_it_is_said_to_be() -> None:
    rng = np.random.default_rng(1)
    truth = sigmoid(EFFECT * rng.normal(size=400_000))
    y = (rng.random(400_000) < truth).astype(np.float64)

    assert metrics.auc(y, truth, np.ones((1, 1)), np.zeros(400_000, dtype=np.int64))[0] == pytest.approx(
        0.55, abs=0.003
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_signal_is_found_and_the_interval_covers_it(seed: int) -> None:
    """The interval is that of the model, which with so many rows and one feature is nearly as good as the truth."""
    made = market(sessions=3000, symbols=8, effect=EFFECT, is_noisy=False, seed=seed)

    found = trained(made.panel, made.labels, walk=WalkForward(horizon=1, min_train=1000, refit_every=500))

    for metric, scope in (("auc", "mean of assets"), ("date_auc", "all")):
        auc = figure(found, metric, scope)
        assert auc["lower_95"] <= 0.55 <= auc["upper_95"]
        assert auc["lower_95"] > 0.53


def test_a_planted_signal_is_found_among_noise_and_never_overstated(planted: TrainedModel) -> None:
    """Two dozen features that are noise cost some of it, the more the fewer rows there are; they add nothing."""
    for metric, scope in (("auc", "mean of assets"), ("date_auc", "all")):
        found = figure(planted, metric, scope)

        assert found["lower_95"] > 0.51
        assert found["lower_95"] <= 0.55
    assert figure(planted, "brier_skill", "all")["value"] > 0


def test_what_flows_add_is_found_where_the_signal_is_a_flow(planted: TrainedModel) -> None:
    for metric, scope in (("auc", "mean of assets"), ("date_auc", "all"), ("brier", "all")):
        assert figure(planted, f"ablation_{metric}", scope)["lower_95"] > 0
    assert figure(planted, "auc", "mean of assets", "without_flows")["value"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
def test_what_flows_add_is_nothing_where_the_signal_is_none() -> None:
    made = market(sessions=1000, symbols=8, effect=EFFECT, feature="return_5")

    added = figure(trained(made.panel, made.labels), "ablation_auc", "mean of assets")

    assert added["lower_95"] <= 0 <= added["upper_95"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
def test_shuffled_labels_give_an_auc_of_one_half(kind: Kind) -> None:
    made = market(sessions=1100, symbols=10, effect=2.0)
    shuffled = made.labels.with_columns(pl.col("label").shuffle(seed=9))

    walk = WalkForward(horizon=1, min_train=400, refit_every=350)
    found = trained(made.panel, shuffled, kind=kind, resamples=50, walk=walk)

    assert figure(found, "auc", "mean of assets")["value"] == pytest.approx(0.5, abs=0.02)
    assert figure(found, "date_auc", "all")["value"] == pytest.approx(0.5, abs=0.02)
    assert figure(found, "brier_skill", "all")["value"] < 0.005


class Constant:
    """A classifier that knows nothing."""

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(len(x))


def walks(sessions: int = 1000, symbols: int = 6) -> pl.DataFrame:
    """Closes that nothing forecasts."""
    rng = np.random.default_rng(8)
    days = np.array(weekdays(sessions), dtype="datetime64[D]")
    closes = [100 * np.exp(np.cumsum(rng.normal(0, 0.01, sessions))) for _ in range(symbols)]
    return pl.concat(
        pl.DataFrame({"symbol": [f"A{place}"] * sessions, "session": days, "close_usd": close})
        for place, close in enumerate(closes)
    )


def panel_with(closes: pl.DataFrame, look_ahead: int) -> pl.DataFrame:
    """Noise, but for the return of 5 sessions, which is that of so many sessions later."""
    rng = np.random.default_rng(5)
    price = pl.col("close_usd").log()
    seen = (price.shift(-look_ahead) - price.shift(5 - look_ahead)).over("symbol")
    noise = {name: pl.Series(rng.normal(size=closes.height)) for name in FEATURES}
    return closes.select("symbol", "session", **(noise | {"return_5": seen}))


@pytest.mark.slow
def test_a_feature_from_the_future_raises_the_auc_and_the_alarm() -> None:
    closes = walks()
    of = labels(closes, horizon=5, target="direction")

    honest = trained(panel_with(closes, 0), of, horizon=5, is_synthetic=False)
    leaking = trained(panel_with(closes, 2), of, horizon=5, is_synthetic=False)

    assert figure(honest, "auc", "mean of assets")["value"] == pytest.approx(0.5, abs=0.05)
    assert leakage_alarm(honest.evaluation) is None
    assert figure(leaking, "auc", "mean of assets")["value"] > 0.65
    assert "Leakage alarm" in (leakage_alarm(leaking.evaluation) or "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
def test_the_same_seed_gives_the_same_result_to_the_last_bit(kind: Kind) -> None:
    made = market(sessions=700, symbols=4, effect=EFFECT)

    first, second = (trained(made.panel, made.labels, kind=kind, resamples=20) for _ in range(2))

    for variant, p in first.forecasts.probabilities.items():
        assert p.tobytes() == second.forecasts.probabilities[variant].tobytes()
    assert first.evaluation.equals(second.evaluation, null_equal=True)
    assert first.model.metadata == second.model.metadata


@pytest.mark.slow
def test_another_seed_draws_other_intervals_of_the_same_figures() -> None:
    made = market(sessions=700, symbols=4, effect=EFFECT)

    first, second = (trained(made.panel, made.labels, seed=seed, resamples=20) for seed in (1, 2))

    # A placebo is made of draws, and only where the intervals ask for one.
    one, other = (found.evaluation.filter(pl.col("variant") != "placebo") for found in (first, second))
    assert one.get_column("value").equals(other.get_column("value"), null_equal=True)
    assert not one.get_column("lower_95").equals(other.get_column("lower_95"))


def test_no_forecast_changes_when_later_sessions_are_added() -> None:
    made = market(sessions=900, symbols=4, effect=EFFECT)
    earlier = pl.col("session") < weekdays(900)[700]

    short = trained(made.panel.filter(earlier), made.labels.filter(earlier), resamples=5).forecasts
    whole = trained(made.panel, made.labels, resamples=5).forecasts

    for variant, p in short.probabilities.items():
        assert p.tobytes() == whole.probabilities[variant][: len(p)].tobytes()


@pytest.mark.parametrize("end", [406, 600])
def test_a_row_whose_label_is_not_yet_known_does_not_train(end: int) -> None:
    """An asset that lacks sessions looks further ahead than its horizon, past any gap that is counted in sessions."""
    made = market(sessions=700, symbols=4, effect=0.0)
    days = weekdays(700)
    # the first test begins at place 406; these labels of the sessions before it are only known then, or long after
    late = (pl.col("symbol") == "A00") & pl.col("session").is_between(days[300], days[405])
    told = pl.when(late).then(pl.lit(days[end])).otherwise(pl.col("label_end")).alias("label_end")
    inverted = pl.when(late).then(1 - pl.col("label")).otherwise(pl.col("label")).alias("label")

    first, second = (
        trained(made.panel, made.labels.with_columns(told, *more), resamples=5).forecasts for more in ([], [inverted])
    )

    block = first.session < 406 + 150
    assert block.sum() == 600
    for variant in ("with_flows", "without_flows", "base_rate", "momentum"):
        assert first.probabilities[variant][block].tobytes() == second.probabilities[variant][block].tobytes()


def test_progress_is_told_block_by_block() -> None:
    made = market(sessions=700, symbols=4, effect=EFFECT)
    told: list[tuple[int, int]] = []

    train(
        made.panel, made.labels, horizon=1, target="direction", model="logistic", seed=1, trained_at=TRAINED_AT,
        is_synthetic=True, on_progress=lambda done, of: told.append((done, of)), resamples=5,
        walk=WalkForward(horizon=1, min_train=400, refit_every=100),
    )  # fmt: skip

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_interruption_leaves_the_blocks_that_have_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    made = market(sessions=700, symbols=4, effect=EFFECT)
    data = dataset(made.panel, made.labels, features=FEATURES)
    walk = WalkForward(horizon=1, min_train=100, refit_every=10)
    first_training, _ = next(walk.splits(data.sessions))
    fits: list[int] = []
    shut_down = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args: Any, **more: Any) -> None:
            shut_down.set()
            super().shutdown(*args, **more)

    def fit(data: Dataset, *args: object, **more: object) -> Calibrated:
        fits.append(len(data.y))
        if data.sessions[data.session.max()] > first_training[-1]:
            assert shut_down.wait(60), "the pool waits for blocks that should have been cancelled"
        return Calibrated(None, Constant(), 1.0, 0.0)

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(out_of_sample, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(out_of_sample, "fit", fit)

    with pytest.raises(KeyboardInterrupt):
        out_of_sample.forecast(data, walk, kind="logistic", seed=1, on_progress=interrupt)

    # Of 60 blocks of two models, the first and those that the workers held.
    assert len(fits) <= 2 + 2 * out_of_sample.WORKERS


def test_the_metadata_says_what_the_model_was_made_of(planted: TrainedModel) -> None:
    facts = planted.model.metadata

    assert facts.model_id == "direction_1_logistic_20261120T223000Z"
    assert (facts.first_session, facts.last_session) == (date(2015, 1, 5), weekdays(1500)[-1])
    assert facts.features == FEATURES
    assert facts.symbols[:2] == ("A00", "A01")
    assert facts.rows == 15_000
    # 1,500 sessions less 400 to train on, the horizon and the embargo
    assert facts.test_rows == (1500 - 400 - 1 - 5) * 10
    assert facts.walk_forward["embargo"] == 5
    assert facts.brier_skill == figure(planted, "brier_skill", "all")["value"]
    assert len(facts.bins) == 10
    assert facts.base_rates["A03"] == pytest.approx(0.5, abs=0.05)


def test_every_forecast_out_of_sample_is_kept_with_its_label(planted: TrainedModel) -> None:
    """Forecasts were thrown away after training, so that no figure of an evaluation could be computed again."""
    rows, entry = planted.forecast_rows, table("mart.model_forecasts")

    assert dict(rows.schema) == entry.polars_schema
    assert rows.select(entry.key).is_unique().all()
    assert set(rows["model_id"]) == {planted.model.metadata.model_id}
    counts = dict(rows.group_by("variant").len().iter_rows())
    assert counts == dict.fromkeys(planted.forecasts.probabilities, planted.model.metadata.test_rows)
    # the label of a session is known a session later in this market
    days = weekdays(1501)
    assert set(pairwise(days)) >= set(rows.select("session", "label_end").iter_rows())
    ours = rows.filter(variant="with_flows")
    brier = ours.select(((pl.col("p") - pl.col("y")) ** 2).mean()).item()
    assert brier == pytest.approx(figure(planted, "brier", "all")["value"])


def test_no_labelled_row_is_refused() -> None:
    made = market(sessions=10, symbols=2, effect=0.0)

    with pytest.raises(TooLittleDataError, match="no labelled row"):
        trained(made.panel, made.labels.clear())
