"""``[cross_asset]``: funds, metals and crypto side by side; without that table there is no such part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.settings.fields import (
    MAX_SPAN,
    FolderPath,
    Number,
    Span,
    TomlTable,
    Whole,
    ascending,
    expected,
    unique,
)
from marketflows_pipeline.settings.universe import (
    BITCOIN,
    DEFAULT_UNIVERSE,
    ETHER,
    UNIVERSES,
    Asset,
    ReferenceId,
    Symbol,
    UniversePreset,
)
from marketflows_pipeline.system.near_matches import did_you_mean, find_slips

if TYPE_CHECKING:
    # Commands that read the settings need not wait for polars.
    from marketflows_pipeline.transforms.cross_asset.regimes import RegimeRules

PriceProvider = Literal["yahoo", "folder"]
LongSpan = Annotated[Whole, Field(ge=5, le=MAX_SPAN)]

# Prices of the oldest index reach back to the first; no session of a running program is after the last.
FIRST_START, LAST_START = date(1900, 1, 1), date(2100, 1, 1)
_DATE = "a date such as 2010-01-04"


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise expected(_DATE) from None
    # Pydantic would take a number for seconds since 1970.
    if type(value) is not date:
        raise expected(_DATE)
    return value


def _in_reach(day: date) -> date:
    if not FIRST_START <= day <= LAST_START:
        raise expected(f"a date from {FIRST_START} to {LAST_START}")
    return day


DEFAULT_RATIO_PAIRS = (("HYG", "TLT"), ("IWM", "SPY"), ("BTC", "GLD"))


def _meant(strange: Sequence[str], symbols: Sequence[str]) -> str:
    """A question after those symbols that resemble one of the universe."""
    slips = find_slips(strange, dict(zip(symbols, symbols, strict=True)))
    meant = slips.sure | slips.doubtful
    near = unique(meant[symbol] for symbol in strange if symbol in meant)
    return did_you_mean([" and ".join(near)] if near else [])


class CrossAsset(TomlTable):
    """``[cross_asset]``: the universe, where its figures come from, and where the lines are drawn."""

    universe_preset: UniversePreset | None = Field(
        None, description="Assets that come with the program, where universe is not given: default or wide"
    )
    universe: tuple[Asset, ...] = Field(DEFAULT_UNIVERSE, min_length=2, description="Assets, each a table of its own")
    start: Annotated[date, BeforeValidator(_day), AfterValidator(_in_reach)] = Field(
        date(2005, 1, 3), description="First session that is fetched"
    )
    providers: tuple[PriceProvider, ...] = Field(("yahoo",), min_length=1, description="Price services, the best first")
    folder: FolderPath | None = Field(None, description="Folder with the user's own CSV or Parquet files")
    windows: Annotated[tuple[Span, ...], AfterValidator(ascending)] = Field(
        (1, 5, 21, 63), min_length=1, description="Windows of rankings and flow map, in sessions"
    )
    rolling_windows: Annotated[tuple[LongSpan, ...], AfterValidator(ascending)] = Field(
        (21, 63, 252), min_length=1, description="Windows of returns, volatility and drawdown, in sessions"
    )
    correlation_window: Whole = Field(63, ge=10, le=MAX_SPAN, description="Window of correlations, in sessions")
    reference_series: tuple[ReferenceId, ...] | None = Field(
        None, description="Series of FRED beside the assets; all of them with the wide universe, else none"
    )
    benchmark: Symbol | None = Field(
        None, description="Asset under the regime ribbon, which others rotate against; else the first"
    )
    risk_on_below: Number = Field(0.33, gt=0, lt=1, description="VIX percentile below which it is risk-on")
    risk_off_above: Number = Field(0.80, gt=0, lt=1, description="VIX percentile above which it is risk-off")
    hysteresis: Number = Field(0.05, ge=0, lt=0.3, description="How far back a percentile must come to leave a regime")
    confirm_sessions: Span = Field(3, description="Sessions in a row that a new regime needs, by VIX and over all")
    ratio_pairs: tuple[tuple[Symbol, Symbol], ...] = Field(
        DEFAULT_RATIO_PAIRS, description="Pairs whose ratio rises when risk is wanted"
    )

    @field_validator("universe", mode="before")
    @classmethod
    def _one_or_the_other(cls, universe: object, info: ValidationInfo) -> object:
        preset = info.data.get("universe_preset")
        if preset is None:
            return universe
        if universe != DEFAULT_UNIVERSE:
            raise expected(f'either these assets or universe_preset = "{preset}", not both')
        return UNIVERSES[preset]

    @field_validator("universe")
    @classmethod
    def _symbols_differ(cls, universe: tuple[Asset, ...]) -> tuple[Asset, ...]:
        symbols = [asset.symbol for asset in universe]
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if twice:
            raise expected(f"each symbol once; {', '.join(twice)} is there twice")
        # Two symbols that differ by case only are one file on Windows and macOS, and one asset to most readers.
        if len({symbol.casefold() for symbol in symbols}) < len(symbols):
            raise expected("symbols that differ by more than upper and lower case")
        return universe

    @field_validator("folder")
    @classmethod
    def _folder_is_named(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        needs = "folder" in info.data.get("providers", ()) or any(
            asset.share_source == "folder" for asset in info.data.get("universe", ())
        )
        if needs and folder is None:
            raise expected('a folder, because providers or a share_source say "folder"')
        return folder

    @field_validator("reference_series")
    @classmethod
    def _series_are_no_assets(
        cls, series: tuple[ReferenceId, ...] | None, info: ValidationInfo
    ) -> tuple[ReferenceId, ...]:
        if series is None:
            series = get_args(ReferenceId) if info.data.get("universe_preset") == "wide" else ()
        if both := sorted({asset.symbol for asset in info.data.get("universe", ())} & set(series)):
            raise expected(f"series that are no symbols of the universe, not {', '.join(both)}")
        return unique(series)

    @field_validator("benchmark")
    @classmethod
    def _benchmark_is_there(cls, benchmark: str | None, info: ValidationInfo) -> str | None:
        symbols = [asset.symbol for asset in info.data.get("universe", ())]
        if benchmark is None or not symbols:
            return symbols[0] if symbols else None
        if benchmark not in symbols:
            raise expected(f"a symbol of the universe: {', '.join(symbols)}{_meant([benchmark], symbols)}")
        return benchmark

    @field_validator("ratio_pairs")
    @classmethod
    def _pairs_are_there(cls, pairs: tuple[tuple[str, str], ...], info: ValidationInfo) -> tuple[tuple[str, str], ...]:
        symbols = {asset.symbol for asset in info.data.get("universe", ())}
        # The default pairs are of the default universe: those that another one lacks fall away.
        kept = tuple(pair for pair in pairs if pair not in DEFAULT_RATIO_PAIRS or symbols.issuperset(pair))
        if strange := sorted({symbol for pair in kept for symbol in pair} - symbols) if symbols else []:
            raise expected(
                f"pairs of symbols of the universe, not {', '.join(strange)}{_meant(strange, sorted(symbols))}"
            )
        return kept

    @field_validator("risk_off_above")
    @classmethod
    def _above(cls, above: float, info: ValidationInfo) -> float:
        if above <= info.data.get("risk_on_below", 0.0):
            raise expected("a number above risk_on_below")
        return above

    def with_coin_ids(self, *, bitcoin: str, ether: str) -> CrossAsset:
        """The same with the packaged coins under a market-cap provider's ids; those that the user wrote stay."""
        if "universe" in self.model_fields_set:
            return self
        ids = {BITCOIN.symbol: bitcoin, ETHER.symbol: ether}
        coins = tuple(
            asset.model_copy(update={"share_id": ids[asset.symbol]}) if asset in {BITCOIN, ETHER} else asset
            for asset in self.universe
        )
        return self.model_copy(update={"universe": coins})

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of the settings."""
        return tuple(asset.symbol for asset in self.universe)

    @property
    def regime_rules(self) -> RegimeRules:
        """What `regimes` takes of these settings."""
        return {
            "risk_on_below": self.risk_on_below,
            "risk_off_above": self.risk_off_above,
            "hysteresis": self.hysteresis,
            "confirm_sessions": self.confirm_sessions,
            "ratio_pairs": self.ratio_pairs,
        }
