"""Figures that CoinGecko writes as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.coingecko.exchange_parsers import amount, decimal

dollars = st.floats(min_value=0, max_value=1e15)


@given(dollars)
def test_money_with_thousands_set_apart_reads_back(value: float) -> None:
    cents = f"{value:.2f}"
    assert amount(f"${value:,.2f}") == float(cents)
    assert amount(f"${round(value):,}") == round(value)


@given(st.floats(min_value=0, allow_infinity=False))
def test_money_in_any_notation_reads_back_exactly(value: float) -> None:
    assert amount(f"${value!r}") == value
    assert amount(f"-${value!r}") == -value
    assert amount(repr(value)) == value


@given(dollars)
def test_a_price_spelt_out_for_a_browser_is_the_spelt_out_one(value: float) -> None:
    assert amount(f'$0.0<sub title="${value!r}">5</sub>15') == value


@given(st.text(max_size=20))
def test_text_is_an_amount_or_nothing_and_never_a_fault(text: str) -> None:
    assert amount(text) is None or isinstance(amount(text), float)
    assert decimal(text) is None or isinstance(decimal(text), float)


@pytest.mark.parametrize(
    "text", ["", "$", "-", "n/a", "$1,23", "$1,2345", "$,123", "1 000", "€5", "$1.2M", "$nan", "$inf"]
)
def test_what_is_no_amount_is_none(text: str) -> None:
    assert amount(text) is None


@given(st.decimals(min_value=0, max_value=10**9, places=16))
def test_decimal_text_becomes_the_nearest_float(value: object) -> None:
    assert decimal(str(value)) == float(str(value))
