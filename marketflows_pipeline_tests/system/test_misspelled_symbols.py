"""Symbols of the user's files that are meant for an asset and written otherwise: refused, where they were dropped."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.system.near_matches import find_slips

CLOCK = FixedClock(datetime(2026, 10, 10, 12, tzinfo=UTC))
EVER = (date(1900, 1, 1), date(2100, 1, 1))
UNIVERSE = {"SPY": "SPY", "X": "X", "GLD": "GLD", "BRK-B": "BRK-B", "BTC": "BTC-USD"}
BARS = "date,open,high,low,close,volume\n2026-01-05,1,2,0.5,1.5,10\n"
OTHERS = ("AAPL", "NVDA", "TSLA", "KO", "IVV", "MSFT", "WMT", "GE", "CMCSA", "LRCX")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, clock=CLOCK, universe=UNIVERSE)


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def actions_of(folder: Folder, tmp_path: Path, *symbols: str, name: str = "splits", asked: str = "SPY") -> int:
    """How many rows of a file with these symbols count for the asset asked for."""
    write(tmp_path, f"bars/{asked}.csv", BARS)
    rows = "".join(f"{symbol},2026-01-05,2\n" for symbol in symbols)
    write(tmp_path, f"{name}.csv", f"symbol,date,{'ratio' if name == 'splits' else 'amount'}\n{rows}")
    return folder.daily_bars(asked, UNIVERSE[asked], *EVER).actions.height


@pytest.mark.parametrize("name", ["splits", "dividends"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("x", "X"),
        ("spy", "SPY"),
        ("Spy", "SPY"),
        ("SP Y", "SPY"),
        ("\uff33\uff30\uff39", "SPY"),
        ("BRK.B", "BRK-B"),
        ("BTC-USD", "BTC"),
        ("btcusd", "BTC"),
        ("SYP", "SPY"),
        ("SPPY", "SPY"),
        ("SPU", "SPY"),
        ("GLDD", "GLD"),
    ],
)
def test_a_symbol_that_is_a_slip_is_refused_with_its_line_and_the_one_that_is_meant(
    folder: Folder, tmp_path: Path, name: str, written: str, meant: str
) -> None:
    """A split of `x` was dropped silently, and X was valued at ten times its price ever before it."""
    with pytest.raises(UserInputError) as fault:
        actions_of(folder, tmp_path, "GLD", written, name=name)

    assert str(fault.value).startswith(f"{tmp_path / name}.csv, line 3, column `symbol`: expected '{meant}'")
    assert str(fault.value).endswith(f"found {written!r}")


def test_a_file_wider_than_the_universe_is_legitimate(folder: Folder, tmp_path: Path) -> None:
    """A list of all splits of an exchange is what one downloads."""
    assert actions_of(folder, tmp_path, *OTHERS, "SPY") == 1


def test_another_ticker_a_letter_off_is_told_and_not_refused_in_a_wide_file(
    folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SPYG is a fund beside SPY, and XEL a company beside XLE: only a list of slips alone has no other names."""
    with caplog.at_level(logging.WARNING):
        assert actions_of(folder, tmp_path, "AAPL", "SPYG", "GLDM", "SPY") == 1

    assert [line.split("splits.csv, ")[1] for line in caplog.messages] == [
        "line 3: SPYG is taken for another symbol than SPY"
    ], "of the asset asked for alone, once"


def test_swapped_letters_are_excused_in_a_table_of_many_others(folder: Folder, tmp_path: Path) -> None:
    """XEL beside XLE once more: ten tickers that resemble none are no hand-written list."""
    assert actions_of(folder, tmp_path, *OTHERS, "SYP") == 0
    with pytest.raises(UserInputError, match="expected 'SPY'"):
        actions_of(folder, tmp_path, *OTHERS[1:], "SYP")


def test_another_case_is_refused_in_however_wide_a_file(folder: Folder, tmp_path: Path) -> None:
    """No two tickers differ by case alone."""
    with pytest.raises(UserInputError, match="line 12, column `symbol`: expected 'SPY'"):
        actions_of(folder, tmp_path, *OTHERS, "spy")


@pytest.mark.parametrize("known", ["GDL", "SPYY"])
def test_a_symbol_of_the_universe_is_no_slip_of_another(tmp_path: Path, known: str) -> None:
    """Whoever follows GLD and GDL has two assets."""
    both = Folder(tmp_path, clock=CLOCK, universe=UNIVERSE | {known: known})
    assert actions_of(both, tmp_path, known) == 0


def ask_for_spy(folder: Folder, kind: str) -> None:
    match kind:
        case "bars":
            folder.daily_bars("SPY", "SPY", *EVER)
        case "shares":
            folder.shares_outstanding("SPY", "")
        case _:
            folder.volatility_index("SPY")


@pytest.mark.parametrize("kept", ["spy.csv", "Spy.parquet", "SPY.CSV", "SYP.csv", "SPPY.csv", "s-p-y.csv"])
@pytest.mark.parametrize("kind", ["bars", "shares", "volatility"])
def test_a_file_whose_name_is_a_slip_is_refused(tmp_path: Path, folder: Folder, kind: str, kept: str) -> None:
    """bars/spy.csv was passed over for Yahoo's prices, as SPY.csv was not there."""
    write(tmp_path, f"{kind}/{kept}", BARS)
    with pytest.raises(UserInputError) as fault:
        ask_for_spy(folder, kind)

    assert str(fault.value).startswith(f"{tmp_path / kind / kept}: expected {kind}/SPY.csv or .parquet, found {kept!r}")


def test_a_file_named_as_the_price_service_names_the_asset_is_refused(tmp_path: Path, folder: Folder) -> None:
    """bars/BTC-USD.csv is what Yahoo's download is called."""
    write(tmp_path, "bars/BTC-USD.csv", BARS)
    with pytest.raises(UserInputError, match=r"BTC-USD\.csv: expected bars/BTC\.csv"):
        folder.daily_bars("BTC", "BTC-USD", *EVER)


@pytest.mark.parametrize("kept", ["SPYG.csv", "SPX.csv", "GLD.csv", "X.csv"])
def test_a_file_of_another_symbol_is_no_slip(tmp_path: Path, folder: Folder, kept: str) -> None:
    """A folder may hold more than is followed, and then the next provider is asked."""
    write(tmp_path, f"bars/{kept}", BARS)
    with pytest.raises(NotFoundError):
        folder.daily_bars("SPY", "SPY", *EVER)


@given(st.lists(st.text("ABC", min_size=1, max_size=4), unique=True))
def test_no_known_symbol_is_a_slip_and_each_slip_is_of_a_known_one(symbols: list[str]) -> None:
    """A law: what is known stays what it is, whatever stands beside it."""
    known, written = symbols[::2], symbols
    slips = find_slips(written, {name: name for name in known})

    assert not {*slips.sure, *slips.doubtful} & {*known}
    assert {*slips.sure.values(), *slips.doubtful.values()} <= {*known}
    assert not slips.sure.keys() & slips.doubtful.keys()
