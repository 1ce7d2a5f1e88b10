from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.regime_ribbon import BANDS, regime_bands, regimes_chart
from marketflows_pipeline.charts.cross_asset.spec import REGIMES, RegimesSpec
from marketflows_pipeline.charts.style.colours import Theme, channels, luminance, value_of
from marketflows_pipeline.charts.style.time_axis import epoch_ms
from marketflows_pipeline_tests.charts.cross_asset.frames import LAST, back, regimes_frame
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts

SPEC = RegimesSpec("SPY", "S&P 500", source="Prices from Yahoo, VIX from Cboe")
FRAME = regimes_frame(
    [
        (100.0, 15.0, None),
        (101.0, 14.0, "risk_on"),
        (102.0, 14.0, "risk_on"),
        (99.0, 30.0, "risk_off"),
        (98.0, 25.0, "mixed"),
    ]
)


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(FRAME)) == (960, 720)


@pytest.mark.slow
def test_each_panel_has_a_vertical_axis_of_its_own_and_they_share_their_sessions() -> None:
    spec = drawn(FRAME)

    upper, lower = marks(spec, "line")
    assert spec["resolve"] == {"scale": {"y": "independent"}}
    above, below = (line["encoding"]["y"]["scale"]["range"] for line in (upper, lower))
    assert above[1] == 0 < above[0] < below[1] < below[0] == spec["height"]
    assert upper["encoding"]["x"]["scale"] == lower["encoding"]["x"]["scale"]
    assert upper["encoding"]["x"]["scale"]["domain"] == [epoch_ms(back(4)), epoch_ms(back(-1))]
    assert max(row["end"] for rect in marks(spec, "rect") for row in rows_of(spec, rect)) == epoch_ms(back(-1))


def test_a_band_reaches_to_the_first_session_of_the_next_one() -> None:
    bands = regime_bands(FRAME)

    assert bands.rows() == [
        ("risk_on", epoch_ms(back(3)), epoch_ms(back(1))),
        ("risk_off", epoch_ms(back(1)), epoch_ms(LAST)),
        ("mixed", epoch_ms(LAST), epoch_ms(back(-1))),
    ]


def test_a_regime_that_returns_is_a_band_of_its_own_and_what_is_between_stays_out_of_it() -> None:
    regimes = ["risk_on", None, "risk_on", "mixed", "risk_on"]
    bands = regime_bands(regimes_frame([(100.0, 15.0, regime) for regime in regimes]))

    assert bands.rows() == [
        ("risk_on", epoch_ms(back(4)), epoch_ms(back(3))),
        ("risk_on", epoch_ms(back(2)), epoch_ms(back(1))),
        ("mixed", epoch_ms(back(1)), epoch_ms(LAST)),
        ("risk_on", epoch_ms(LAST), epoch_ms(back(-1))),
    ]


@pytest.mark.slow
def test_sessions_without_a_regime_have_no_band_in_either_panel() -> None:
    spec = drawn(FRAME)

    for rect in marks(spec, "rect"):
        rows = rows_of(spec, rect)
        assert [row["fill"] for row in rows] == [BANDS["risk_on"], BANDS["risk_off"], BANDS["mixed"]]
        assert min(row["at"] for row in rows) == epoch_ms(back(3))
    assert len(marks(spec, "rect")) == 2
    assert "white: no regime yet for 1 session" in texts(spec)


@pytest.mark.parametrize(("theme", "least"), [("light", 0.07), ("dark", 0.005)])
def test_regimes_differ_in_lightness_so_that_any_sight_tells_them_apart(theme: Theme, least: float) -> None:
    lightness = {regime: luminance(channels(value_of(fill, theme))) for regime, fill in BANDS.items()}

    assert set(BANDS) == set(REGIMES)
    assert all(abs(lightness[one] - lightness[other]) > least for one, other in combinations(REGIMES, 2))


@pytest.mark.slow
def test_the_key_gives_shares_of_the_sessions_that_have_a_regime() -> None:
    written = texts(drawn(FRAME))

    assert "risk-on 50.0% · mixed 25.0% · risk-off 25.0%" in written


@pytest.mark.slow
def test_a_missing_figure_breaks_its_line_and_is_no_zero() -> None:
    frame = regimes_frame(
        [(100.0, 15.0, "mixed"), (None, 14.0, "mixed"), (102.0, None, "mixed"), (99.0, 13.0, "mixed")]
    )
    spec = drawn(frame)

    close, vix = (rows_of(spec, line) for line in marks(spec, "line"))
    assert [(row["value"], row["run"]) for row in close] == [(100, 0), (102, 1), (99, 1)]
    assert [(row["value"], row["run"]) for row in vix] == [(15, 0), (14, 0), (13, 1)]
    assert "a line breaks where its figure is missing" in texts(spec)


@pytest.mark.slow
def test_the_title_says_what_it_is_now_and_the_labels_the_last_figures() -> None:
    spec = drawn(FRAME)

    assert spec["title"]["text"] == "Risk regime on 6 Mar 2026: mixed"
    assert spec["title"]["subtitle"] == ["VIX above 40% of the last 252 sessions · ratio pairs +1 · last 5 sessions"]
    assert "$98.00" in texts(spec)
    assert "25.0" in texts(spec)


@pytest.mark.slow
def test_caveats_stand_in_the_footer() -> None:
    spec = drawn(FRAME, replace(SPEC, notes=("synthetic data",)))

    assert "synthetic data" in texts(spec)
    assert "not a forecast" in texts(spec)


@pytest.mark.slow
def test_vix_is_drawn_from_zero_and_the_close_says_that_it_is_not() -> None:
    spec = drawn(FRAME)

    close, vix = (line["encoding"]["y"]["scale"]["domain"] for line in marks(spec, "line"))
    assert vix[0] == 0
    assert close[0] > 0
    assert "axis does not start at zero" in texts(spec)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a time series needs 2"):
        regimes_chart(FRAME.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: RegimesSpec = SPEC) -> dict[str, Any]:
    return regimes_chart(frame, spec).to_dict(validate=True)
