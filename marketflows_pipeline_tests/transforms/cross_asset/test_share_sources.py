"""Share counts that an issuer does not state, and that follow from its net assets."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.share_sources import whole_baskets
from marketflows_pipeline_tests.transforms.cross_asset.frames import bars_of, column, flows_of, shares_of

BASKET = 100_000


def quotient(nav: float, net_assets: float, source: str = "spdr_gold:archive") -> pl.DataFrame:
    return shares_of({"A": [net_assets / nav]}, {"A": [nav]}, {"A": [net_assets]}, source=source)


def counted(rows: pl.DataFrame) -> float:
    return float(whole_baskets(rows)["shares"].item())


@pytest.mark.parametrize(
    ("baskets", "nav", "printed"),
    [
        # As in 2004, to the cent, and the quotient is right already.
        (26, 44.2, 44.2),
        # 260,000,000 shares at 380.004999 are printed as 380.00: 3,420 shares too many.
        (2_600, 380.004999, 380.0),
        (2_600, 380.123456, 380.123456),
    ],
)
def test_a_quotient_is_the_whole_basket_that_its_printed_figures_allow(
    baskets: int, nav: float, printed: float
) -> None:
    """Half of gold's sessions once had a flow of about a dollar, with a sign, a place and a row in the map."""
    assert counted(quotient(printed, round(baskets * BASKET * nav, 2))) == baskets * BASKET


def test_a_count_that_no_rounding_explains_stays() -> None:
    # 500 shares off, where six decimals of 380 allow for less than one of them
    assert counted(quotient(380.123456, round(260_000_500 * 380.123456, 2))) == pytest.approx(260_000_500, abs=1)


def test_counts_that_an_issuer_states_are_its_own() -> None:
    assert counted(quotient(380.0, round(260_000_000.3 * 380, 2), source="ssga:navhist")) == pytest.approx(
        260_000_000.3
    )


def test_a_session_without_creations_has_no_flow() -> None:
    navs = [380.123456, 381.7, 379.123456]
    assets = [round(nav * 26_000_000, 2) for nav in navs]
    shares = [total / nav for total, nav in zip(assets, navs, strict=True)]
    rows = shares_of({"A": shares}, {"A": navs}, {"A": assets}, source="spdr_gold:archive")
    flows = flows_of(bars_of({"A": navs}), rows)

    assert column(flows, "flow_usd") == [None, 0, 0]
    assert column(flows, "gross_flow_share") == [None, None, None]
    # What was stored before keeps its quotient, and is counted in baskets all the same.
    assert rows["shares"].to_list() == shares


@given(st.integers(1, 5_000), st.floats(20, 900), st.integers(2, 6))
# 20.520, of which a number keeps two places: half a cent is half a basket of 2,053.
@example(2_053, 20.51953125, 3)
def test_any_printed_precision_gives_the_basket_back_where_it_tells_them_apart(
    baskets: int, nav: float, decimals: int
) -> None:
    printed = round(nav, decimals)
    rows = quotient(printed, round(baskets * BASKET * nav, 2))

    places = max(2, len(str(printed).partition(".")[2]))
    if 0.6 * 10**-places / nav * baskets < 0.5:
        assert counted(rows) == baskets * BASKET
    else:
        assert counted(rows) in {baskets * BASKET, rows["shares"].item()}
