"""An estimator as numbers: the same probabilities to the bit, and nothing else taken for one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from marketflows_pipeline.models.dataset import dataset
from marketflows_pipeline.models.estimators import Calibrated, Kind, fit
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.parameters import packed, unpacked
from marketflows_pipeline_tests.models.made_up import market

KINDS: tuple[Kind, ...] = ("logistic", "gradient_boosting")
MADE = market(sessions=500, symbols=6, effect=0.5)
DATA = dataset(MADE.panel, MADE.labels, features=FEATURES)
COLUMNS = DATA.x.shape[1]


@pytest.fixture(scope="module")
def fitted() -> dict[Kind, Calibrated]:
    return {kind: fit(DATA, DATA.columns(FEATURES), kind=kind, seed=1) for kind in KINDS}


def rows_with_gaps_and_extremes() -> Any:
    chance = np.random.default_rng(3)
    x = np.vstack([DATA.x, chance.normal(scale=5.0, size=(500, COLUMNS)), DATA.x[:50] * 1e6])
    x[chance.random(x.shape) < 0.1] = np.nan
    return x


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [slice(None), slice(0, 7), slice(0, 1)])
def test_numbers_give_the_same_probabilities_to_the_bit(
    fitted: dict[Kind, Calibrated], kind: Kind, rows: slice
) -> None:
    x = rows_with_gaps_and_extremes()[rows]
    again = unpacked(packed(fitted[kind]), kind, COLUMNS)

    assert again.probabilities(x).tobytes() == fitted[kind].probabilities(x).tobytes()
    assert len(np.unique(again.probabilities(rows_with_gaps_and_extremes()))) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_are_the_same_bytes(fitted: dict[Kind, Calibrated], kind: Kind) -> None:
    content = packed(fitted[kind])

    assert packed(fitted[kind]) == content
    assert packed(unpacked(content, kind, COLUMNS)) == content


def changed(content: bytes, **arrays: Any) -> bytes:
    with np.load(io.BytesIO(content)) as stored:
        kept = {name: stored[name] for name in stored.files if arrays.get(name, ...) is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **(kept | {name: value for name, value in arrays.items() if value is not None}))
    return buffer.getvalue()


FORGED: list[tuple[Kind, dict[str, Any], str]] = [
    ("logistic", {"slope": None}, "it holds"),
    ("logistic", {"extra": np.array(1.0)}, "it holds"),
    ("logistic", {"slope": np.array(-1.0)}, "slope is below 0"),
    ("logistic", {"slope": np.array(np.nan)}, "slope holds what is no number"),
    ("logistic", {"slope": np.array("1")}, "slope is <U1"),
    ("logistic", {"medians": np.zeros(3)}, "other rows"),
    ("logistic", {"coefficients": np.zeros((2, 2))}, "other rows"),
    ("logistic", {"constant": np.zeros(2)}, "constant"),
    ("gradient_boosting", {"value": np.zeros(1)}, "differ in number"),
    ("gradient_boosting", {"roots": np.array([-1])}, "lead nowhere"),
    ("gradient_boosting", {"roots": np.array([10**9])}, "lead nowhere"),
]


@pytest.mark.parametrize(("kind", "arrays", "message"), FORGED, ids=[f"{list(each[1])}: {each[2]}" for each in FORGED])
def test_other_numbers_are_refused(
    fitted: dict[Kind, Calibrated], kind: Kind, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        unpacked(changed(packed(fitted[kind]), **arrays), kind, COLUMNS)


@pytest.mark.parametrize(("name", "value"), [("left", 0), ("feature", COLUMNS), ("feature", -1), ("right", 0)])
def test_a_tree_in_which_a_row_would_go_round_for_ever_is_refused(
    fitted: dict[Kind, Calibrated], name: str, value: int
) -> None:
    content = packed(fitted["gradient_boosting"])
    with np.load(io.BytesIO(content)) as stored:
        nodes = stored[name].copy()
        inner = int(np.flatnonzero(stored["left"])[1])
    nodes[inner] = value

    with pytest.raises(ValueError, match="lead nowhere"):
        unpacked(changed(content, **{name: nodes}), "gradient_boosting", COLUMNS)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"no archive at all"])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(content, "logistic", COLUMNS)


@pytest.mark.slow
def test_an_archive_that_unpacks_to_more_than_any_model_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, slope=np.zeros(9_000_000))

    with pytest.raises(ValueError, match="larger than any model"):
        unpacked(buffer.getvalue(), "logistic", COLUMNS)
