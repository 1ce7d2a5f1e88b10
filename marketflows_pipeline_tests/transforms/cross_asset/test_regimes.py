from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, column, rows_of, weekdays

PAIRS = (("HYG", "TLT"), ("IWM", "SPY"), ("BTC", "GLD"))
N = 252


def volatility_of(vix: Sequence[float | None], vix3m: Sequence[float | None] = ()) -> pl.DataFrame:
    """Closes of the weekdays from a Monday; a None is a session without a value."""
    rows = (
        {"index_name": name, "session": session, "close": close}
        for name, closes in (("VIX", vix), ("VIX3M", vix3m))
        for session, close in zip(weekdays(len(closes)), closes, strict=True)
        if close is not None
    )
    return rows_of("raw.volatility_index", *rows)


def closes_of(closes: Mapping[str, Sequence[float | None]]) -> pl.DataFrame:
    rows = (
        {"symbol": symbol, "session": session, "close_usd": close}
        for symbol, values in closes.items()
        for session, close in zip(weekdays(len(values)), values, strict=True)
        if close is not None
    )
    return rows_of("core.asset_flows", *rows)


def regimes_of(volatility: pl.DataFrame, flows: pl.DataFrame, **given: Any) -> pl.DataFrame:
    limits = {"risk_on_below": 0.33, "risk_off_above": 0.8, "hysteresis": 0.05, "confirm_sessions": 3}
    frame = regimes(volatility, flows, **{**limits, "ratio_pairs": PAIRS, **given})
    assert_in_shape(frame, "mart.regimes")
    return frame


def vix_regimes(percentiles: Sequence[float | None], **given: Any) -> list[str | None]:
    """The states that follow a year of 252 sessions, where VIX stands at those places among the 252."""
    # A year of distinct values above 0 and one beyond: each later value replaces the oldest one of the year.
    vix = _with_percentiles(percentiles)
    frame = regimes_of(volatility_of(vix), closes_of({"SPY": [1.0] * len(vix)}), **given)
    shown = frame.tail(len(percentiles))
    known = [each for each in shown["vix_percentile"].to_list() if each is not None]
    assert known == pytest.approx([each for each in percentiles if each is not None], abs=1 / N)
    return column(shown, "vix_regime")


def _with_percentiles(percentiles: Sequence[float | None]) -> list[float | None]:
    """Values that take these places among the 251 before them: just above the one that stands there."""
    vix: list[float | None] = [10 + ((37 * number) % 251) / 10 for number in range(N - 1)]
    for place in percentiles:
        if place is None:
            vix.append(None)
            continue
        past = sorted([each for each in vix if each is not None][-(N - 1) :])
        below = min(round(place * N), N - 1)
        low = past[below - 1] if below else past[0] - 1
        high = past[below] if below < N - 1 else past[-1] + 1
        vix.append((low + high) / 2)
    return vix


def test_the_percentile_is_the_share_of_lower_values_and_this_one_is_counted_half() -> None:
    rising = regimes_of(volatility_of([float(n) for n in range(1, N + 1)]), closes_of({"SPY": [1.0] * N}))

    assert column(rising, "vix_percentile")[:-1] == [None] * (N - 1)
    assert column(rising, "vix_percentile")[-1] == pytest.approx(251.5 / 252)
    assert column(rising, "vix_regime")[-2] is None


def test_equal_values_count_half() -> None:
    flat = regimes_of(volatility_of([20.0] * N), closes_of({"SPY": [1.0] * N}))

    assert column(flat, "vix_percentile")[-1] == pytest.approx(0.5)
    assert column(flat, "vix_regime")[-1] == "mixed"


def test_only_the_last_252_sessions_count() -> None:
    vix = [1.0] * 10 + [30.0] * (N - 1) + [20.0]

    frame = regimes_of(volatility_of(vix), closes_of({"SPY": [1.0] * len(vix)}))

    assert column(frame, "vix_percentile")[-1] == pytest.approx(0.5 / 252)


def test_a_regime_needs_three_sessions_in_a_row() -> None:
    assert vix_regimes([0.2, 0.2, 0.5, 0.2, 0.2, 0.2]) == ["mixed"] * 5 + ["risk_on"]
    assert vix_regimes([0.9, 0.9, 0.5, 0.9, 0.9, 0.9]) == ["mixed"] * 5 + ["risk_off"]
    assert vix_regimes([0.2, 0.9], confirm_sessions=1) == ["risk_on", "risk_off"]


def test_a_regime_is_left_beyond_the_hysteresis_and_not_before() -> None:
    assert vix_regimes([0.2, 0.2, 0.2, 0.36, 0.37, 0.45, 0.36]) == [
        "mixed", "mixed", "risk_on", "risk_on", "risk_on", "mixed", "mixed",
    ]  # fmt: skip
    assert vix_regimes([0.9, 0.9, 0.9, 0.77, 0.70, 0.77]) == [
        "mixed", "mixed", "risk_off", "risk_off", "mixed", "mixed",
    ]  # fmt: skip


def test_one_regime_follows_the_other_by_way_of_mixed() -> None:
    assert vix_regimes([0.2, 0.2, 0.2, 0.9, 0.9, 0.9]) == [
        "mixed", "mixed", "risk_on", "mixed", "mixed", "risk_off",
    ]  # fmt: skip


def test_where_the_bands_overlap_entering_one_regime_leaves_the_other() -> None:
    # left at 0.6 only, but risk-off from 0.5: one regime at a time
    states = vix_regimes(
        [0.2, 0.55, 0.45, 0.2], confirm_sessions=1, risk_on_below=0.3, risk_off_above=0.5, hysteresis=0.29
    )

    assert states == ["risk_on", "risk_off", "risk_off", "risk_on"]


def test_a_session_without_a_vix_has_no_figure_and_interrupts_nothing() -> None:
    assert vix_regimes([0.2, None, 0.2, 0.2, None, 0.2]) == ["mixed", None, "mixed", "risk_on", None, "risk_on"]


def test_a_missing_vix_is_null_and_not_filled() -> None:
    frame = regimes_of(volatility_of([20.0, None, 22.0], [25.0, 25.0, None]), closes_of({"SPY": [1.0] * 3}))

    assert frame.select("vix", "term_structure", "is_backwardation").rows() == [
        (20, 0.8, False),
        (None, None, None),
        (22, None, None),
    ]


def test_above_the_three_month_index_it_is_backwardation() -> None:
    frame = regimes_of(volatility_of([30.0, 25.0], [25.0, 25.0]), closes_of({"SPY": [1.0] * 2}))

    assert frame.select("term_structure", "is_backwardation").rows() == [(1.2, True), (1, False)]


def test_values_of_vix_on_days_without_a_session_are_out() -> None:
    sessions = weekdays(3)
    spy = closes_of({"SPY": [1.0, None, 1.0]})

    frame = regimes_of(volatility_of([20.0, 99.0, 21.0]), spy)

    assert frame.select("session", "vix").rows() == [(sessions[0], 20), (sessions[2], 21)]


def test_holidays_are_no_part_of_the_percentile_s_year() -> None:
    # 252 values of VIX, but one of them on a day without a session: the year is not full
    vix = volatility_of([20.0 + n / 100 for n in range(N)])
    spy: list[float | None] = [1.0] * N
    spy[100] = None

    assert column(regimes_of(vix, closes_of({"SPY": spy})), "vix_percentile")[-1] is None
    assert column(regimes_of(vix, closes_of({"SPY": [1.0] * N})), "vix_percentile")[-1] is not None


RISING = [1.0 + n / 100 for n in range(21)]
FALLING = RISING[::-1]
FLAT = [1.0] * 21


def ratios_of(**closes: Sequence[float | None]) -> tuple[Any, ...]:
    """Score, pairs and readings of the last session, unconfirmed; what is not named is flat."""
    flat = {each: FLAT for pair in PAIRS for each in pair}
    frame = regimes_of(volatility_of([]), closes_of({**flat, **closes}), confirm_sessions=1)
    return frame.select("ratio_score", "ratio_pairs_known", "ratio_regime", "regime").row(-1)


def test_a_ratio_above_its_rising_average_speaks_for_risk() -> None:
    assert ratios_of(HYG=RISING) == (1, 3, "mixed", "mixed")
    assert ratios_of(HYG=RISING, IWM=RISING) == (2, 3, "risk_on", "risk_on")
    assert ratios_of(HYG=FALLING, SPY=RISING, BTC=FALLING) == (-3, 3, "risk_off", "risk_off")
    assert ratios_of(HYG=RISING, IWM=FALLING) == (0, 3, "mixed", "mixed")


def test_above_an_average_that_falls_it_says_nothing() -> None:
    # twenty sessions of fall and a jump: above the average, which still falls (3.0 leaves, 2.9 comes)
    falling_average = [3.0, *(2.0 - n / 100 for n in range(19)), 2.9]

    assert ratios_of(HYG=falling_average) == (0, 3, "mixed", "mixed")


def test_a_pair_needs_both_closes_and_an_average_before() -> None:
    assert ratios_of(HYG=[*RISING[:-1], None]) == (0, 2, "mixed", "mixed")
    assert ratios_of(**{each: RISING[:20] for pair in PAIRS for each in pair}) == (None, 0, None, None)


def test_without_one_of_the_two_the_other_speaks() -> None:
    calm = _with_percentiles([0.1, 0.1, 0.1])
    flat = {"SPY": [1.0] * len(calm)}

    assert regimes_of(volatility_of(calm), closes_of(flat), confirm_sessions=1)["regime"].to_list()[-1] == "risk_on"
    assert ratios_of(HYG=RISING, IWM=RISING)[3] == "risk_on"


def test_two_that_disagree_are_mixed() -> None:
    calm = _with_percentiles([0.1, 0.1, 0.1])
    falling = [2.0 - n / 1000 for n in range(len(calm))]
    steady = [1.0] * len(calm)
    flows = closes_of({"HYG": falling, "TLT": steady, "IWM": falling, "SPY": steady})

    frame = regimes_of(volatility_of(calm), flows, confirm_sessions=1)

    assert frame.select("vix_regime", "ratio_regime", "regime").row(-1) == ("risk_on", "risk_off", "mixed")


def test_without_sessions_there_are_no_regimes() -> None:
    assert regimes_of(volatility_of([20.0]), table("core.asset_flows").empty()).is_empty()


def test_without_pairs_there_is_no_score() -> None:
    frame = regimes_of(volatility_of([20.0]), closes_of({"SPY": [1.0]}), ratio_pairs=())

    assert frame.select("vix", "ratio_score", "ratio_pairs_known").rows() == [(20, None, 0)]


READINGS = {"+": "risk_on", "-": "risk_off", "0": "mixed", "?": None}


def regimes_after(readings: str, confirm: int = 3) -> str:
    """The regimes that follow these readings of the ratios: + risk-on, - risk-off, 0 mixed, ? no pair known."""
    frame = regimes_of(volatility_of([]), closes_that_read(readings), confirm_sessions=confirm).tail(len(readings))
    assert column(frame, "ratio_regime") == [READINGS[each] for each in readings]
    signs = {regime: sign for sign, regime in READINGS.items()}
    return "".join(signs[each] for each in column(frame, "regime"))


def closes_that_read(readings: str) -> pl.DataFrame:
    """Two ratios that both rise or both fall, or one of each; on a session without them only GLD has a close."""
    known = [each for each in readings if each != "?"]
    ratios = {"HYG": _beyond([sign != "-" for sign in known]), "IWM": _beyond([sign == "+" for sign in known])}
    places = [*range(20), *(20 + place for place, sign in enumerate(readings) if sign != "?")]
    days = weekdays(20 + len(readings))
    closes = [
        {"symbol": symbol, "session": days[place], "close_usd": close}
        for above, below in (("HYG", "TLT"), ("IWM", "SPY"))
        for symbol, values in ((above, ratios[above]), (below, [1.0] * len(places)))
        for place, close in zip(places, values, strict=True)
    ]
    return rows_of("core.asset_flows", *closes, *({"symbol": "GLD", "session": day, "close_usd": 1.0} for day in days))


def _beyond(is_up: Sequence[bool]) -> list[float]:
    """Twenty ones, then each value above or below all of the twenty before it, and so beyond a moving average."""
    values = [1.0] * 20
    for up in is_up:
        values.append(1.1 * max(values[-20:]) if up else 0.9 * min(values[-20:]))
    return values


def test_a_regime_is_confirmed_by_three_readings_in_a_row_and_dated_to_the_third() -> None:
    """Of the tutorial's 300 spells 96 lasted one session: what both sources said was taken at once."""
    assert regimes_after("+++") == "??+"
    assert regimes_after("+++-+--0--+++---") == "??+++++++++++++-"
    assert regimes_after("000+++") == "??000+"


def test_confirmed_by_one_session_a_regime_is_the_reading() -> None:
    assert regimes_after("+-0?+", confirm=1) == "+-0?+"


def test_sessions_without_a_reading_are_passed_over() -> None:
    assert regimes_after("++?+-?-?+") == "???++++++"
    assert regimes_after("+++--??-") == "??+++++-"


def test_three_sessions_without_a_reading_end_a_regime_and_the_next_is_confirmed_anew() -> None:
    assert regimes_after("+++??+++") == "??++++++"
    assert regimes_after("+++???+++") == "??+++???+"
    assert regimes_after("+++--???-++") == "??+++++????"


def spells(labels: Sequence[str]) -> list[int]:
    """Lengths of the runs of equal labels."""
    return [len(list(run)) for _, run in groupby(labels)]


@given(st.text("+-0?", min_size=1, max_size=30), st.integers(1, 5), st.integers(1, 30))
def test_no_spell_is_shorter_than_its_confirmation_and_later_sessions_change_no_label(
    readings: str, confirm: int, known: int
) -> None:
    labels = regimes_after(readings, confirm)

    # the first stretch waits for its first regime, and the last one is still running
    assert all(length >= confirm for length in spells(labels)[1:-1])
    assert regimes_after(readings[:known], confirm) == labels[:known]


@given(st.text("+-0", min_size=1, max_size=30), st.integers(1, 5))
def test_each_spell_begins_where_its_reading_was_confirmed(readings: str, confirm: int) -> None:
    labels = regimes_after(readings, confirm)

    for place, (before, label) in enumerate(pairwise("?" + labels)):
        is_confirmed = readings[max(place - confirm + 1, 0) : place + 1] == confirm * readings[place]
        assert label == (readings[place] if is_confirmed else before)


def by_walking(percentiles: list[float], *, on: float, off: float, band: float, confirm: int) -> list[str]:
    """The same states, one session after another."""
    state, states = "mixed", []
    for number, place in enumerate(percentiles):
        recent = percentiles[max(number - confirm + 1, 0) : number + 1]
        if len(recent) == confirm and max(recent) < on:
            state = "risk_on"
        elif len(recent) == confirm and min(recent) > off:
            state = "risk_off"
        elif (state == "risk_on" and place > on + band) or (state == "risk_off" and place < off - band):
            state = "mixed"
        states.append(state)
    return states


@given(
    st.lists(st.sampled_from([0.1, 0.3, 0.37, 0.45, 0.6, 0.7, 0.77, 0.85, 0.95]), min_size=1, max_size=40),
    st.integers(1, 4),
    st.sampled_from([(0.33, 0.8, 0.05), (0.33, 0.8, 0.0), (0.3, 0.5, 0.25)]),
)
def test_states_are_those_of_a_machine_that_walks(
    places: list[float], confirm: int, limits: tuple[float, float, float]
) -> None:
    on, off, band = limits
    vix = _with_percentiles(places)
    frame = regimes_of(
        volatility_of(vix), closes_of({"SPY": [1.0] * len(vix)}),
        risk_on_below=on, risk_off_above=off, hysteresis=band, confirm_sessions=confirm,
    ).tail(len(places))  # fmt: skip

    expected = by_walking(column(frame, "vix_percentile"), on=on, off=off, band=band, confirm=confirm)
    assert column(frame, "vix_regime") == expected


def test_sessions_are_dates_in_order() -> None:
    frame = regimes_of(volatility_of([20.0, 21.0]), closes_of({"SPY": [1.0, 1.0], "QQQ": [1.0, 1.0]}))

    assert column(frame, "session") == [date(2026, 3, 2), date(2026, 3, 3)]
