"""The assets of the cross-asset part: what one is, and the two universes that come with the program."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from marketflows_pipeline.providers.fund_issuers.fund_ids import FUND_IDS
from marketflows_pipeline.settings.fields import CoinId, Name, Text, TomlTable, Whole, expected, file_safe

AssetClass = Literal["equity", "metal", "bond", "crypto"]
FundIssuer = Literal["ssga", "blackrock", "spdr_gold", "invesco", "grayscale", "twentyone_shares", "vaneck"]
ShareSource = Literal[FundIssuer, "folder", "supply", "none"]
LagBasis = Literal["measured", "documented", "unknown"]

FUND_ISSUERS: tuple[FundIssuer, ...] = get_args(FundIssuer)

# Settlement takes one session in New York, and took three until 2017.
MAX_LAG = 5

Symbol = Annotated[Text, AfterValidator(file_safe)]

# Funds that hold coins themselves. What stands after a colon is a part of the group: "spot crypto funds: bitcoin".
SPOT_CRYPTO_FUNDS = "spot crypto funds"


class Asset(TomlTable):
    """``[[cross_asset.universe]]``: one asset.

    ``share_source`` says where shares outstanding come from: an issuer (``share_id`` is its ticker, portfolio id or
    CUSIP), the user's folder, ``supply`` (circulating supply of the coin ``share_id`` in the market-cap part), or
    ``none``.
    ``share_lag_sessions`` is 1 where a count of a session holds the orders of the one before. ``group`` names
    funds whose flows are summed, in the words of the user; after a colon stands a part of the group, summed too.
    """

    symbol: Symbol = Field(description="What the asset is called in tables and charts")
    name: Name = Field(description="Display name")
    asset_class: AssetClass = Field(alias="class", description="equity, metal, bond or crypto")
    group: Name | None = Field(None, min_length=1, description="Group whose flows are summed, such as sector")
    provider_symbol: CoinId = Field(description="Its symbol at the price service")
    share_source: ShareSource = Field("none", description="Where shares outstanding come from")
    share_id: Name = Field("", description="Its id there: a ticker, a portfolio id, a CUSIP, a coin id")
    share_lag_sessions: Annotated[Whole, Field(ge=0, le=MAX_LAG)] | None = Field(
        None, description="Sessions that its counts of shares are behind the orders; by their source where not said"
    )
    lag_basis: LagBasis | None = Field(None, description="How that is known: measured, documented or unknown")

    @property
    def is_coin(self) -> bool:
        """Whether it trades around the clock; a fund that holds coins does not."""
        is_spot_fund = self.group is not None and self.group.partition(":")[0].strip() == SPOT_CRYPTO_FUNDS
        return self.asset_class == "crypto" and (
            self.share_source == "supply" or (self.share_source == "none" and not is_spot_fund)
        )

    @model_validator(mode="after")
    def _source_has_an_id(self) -> Asset:
        if self.share_source in {"blackrock", "invesco", "supply"} and not self.share_id:
            raise expected(f'share_id beside share_source = "{self.share_source}"')
        ids = FUND_IDS.get(self.share_source)
        if ids is not None and ids.find(self.share_id or self.symbol) is None:
            raise expected(f'share_id to be {ids.expected} beside share_source = "{self.share_source}"')
        if self.lag_basis is not None and self.share_lag_sessions is None:
            raise expected("share_lag_sessions beside lag_basis")
        if self.lag_basis == "unknown" and self.share_lag_sessions:
            raise expected("share_lag_sessions = 0 where lag_basis is unknown")
        return self


def _asset(
    symbol: str,
    name: str,
    asset_class: AssetClass,
    source: ShareSource = "none",
    share_id: str = "",
    *,
    group: str | None = None,
    quoted_as: str | None = None,
) -> Asset:
    # A coin is quoted in dollars under a name of its own; a fund that holds coins is a share like any other.
    provider_symbol = f"{symbol}-USD" if source == "supply" else symbol
    return Asset.model_validate(
        {
            "symbol": symbol,
            "name": name,
            "class": asset_class,
            "group": group,
            "provider_symbol": quoted_as or provider_symbol,
            "share_source": source,
            "share_id": share_id,
        }
    )


BITCOIN = _asset("BTC", "Bitcoin", "crypto", "supply", "bitcoin")
ETHER = _asset("ETH", "Ether", "crypto", "supply", "ethereum")
DEFAULT_UNIVERSE = (
    _asset("SPY", "S&P 500", "equity", "ssga", "spy"),
    _asset("QQQ", "Nasdaq-100", "equity", "invesco", "46090E103"),
    _asset("IWM", "Russell 2000", "equity", "blackrock", "239710"),
    _asset("DIA", "Dow Jones Industrial Average", "equity", "ssga", "dia"),
    _asset("GLD", "Gold (XAU)", "metal", "spdr_gold", "gld"),
    _asset("SLV", "Silver (XAG)", "metal", "blackrock", "239855"),
    _asset("TLT", "Treasury bonds, 20+ years", "bond", "blackrock", "239454"),
    _asset("HYG", "High-yield bonds", "bond", "blackrock", "239565"),
    _asset("IBIT", "Bitcoin fund", "crypto", "blackrock", "333011"),
    BITCOIN,
    ETHER,
)

_SECTOR, _DURATION, _CREDIT, _REGION = "sector", "duration", "credit", "region"
_BITCOIN, _ETHER = f"{SPOT_CRYPTO_FUNDS}: bitcoin", f"{SPOT_CRYPTO_FUNDS}: ether"
_GROUPS = {"TLT": _DURATION, "HYG": _CREDIT, "IBIT": _BITCOIN}
_SECTORS = {
    "XLB": "Materials",
    "XLC": "Communication services",
    "XLE": "Energy",
    "XLF": "Financials",
    "XLI": "Industrials",
    "XLK": "Technology",
    "XLP": "Consumer staples",
    "XLRE": "Real estate",
    "XLU": "Utilities",
    "XLV": "Health care",
    "XLY": "Consumer discretionary",
}

# A fund without a share source has a price and no flow: nobody's free file of its shares, or none that is known here.
WIDE_UNIVERSE = (
    *(asset.model_copy(update={"group": _GROUPS.get(asset.symbol)}) for asset in DEFAULT_UNIVERSE),
    *(_asset(symbol, name, "equity", "ssga", symbol.lower(), group=_SECTOR) for symbol, name in _SECTORS.items()),
    _asset("SHY", "Treasury bonds, 1 to 3 years", "bond", group=_DURATION),
    _asset("IEF", "Treasury bonds, 7 to 10 years", "bond", group=_DURATION),
    _asset("LQD", "Investment-grade bonds", "bond", "blackrock", "239566", group=_CREDIT),
    _asset("TIP", "Inflation-protected Treasury bonds", "bond", group=_CREDIT),
    _asset("AGG", "US bonds, all investment grade", "bond", group=_CREDIT),
    _asset("EFA", "Developed markets outside North America", "equity", "blackrock", "239623", group=_REGION),
    _asset("EEM", "Emerging markets", "equity", "blackrock", "239637", group=_REGION),
    _asset("FXI", "China, large companies", "equity", group=_REGION),
    _asset("EWJ", "Japan", "equity", group=_REGION),
    _asset("GBTC", "Grayscale bitcoin trust", "crypto", "grayscale", "GBTC", group=_BITCOIN),
    # The exchange calls Grayscale's small trusts BTC and ETH, as everybody calls the coins.
    _asset("BTC-MINI", "Grayscale bitcoin mini trust", "crypto", "grayscale", "BTC", group=_BITCOIN, quoted_as="BTC"),
    _asset("ARKB", "ARK 21Shares bitcoin fund", "crypto", "twentyone_shares", "ARKB", group=_BITCOIN),
    _asset("HODL", "VanEck bitcoin fund", "crypto", "vaneck", "HODL", group=_BITCOIN),
    _asset("BTCO", "Invesco Galaxy bitcoin fund", "crypto", "invesco", "46091J101", group=_BITCOIN),
    _asset("FBTC", "Fidelity bitcoin fund", "crypto", group=_BITCOIN),
    _asset("BITB", "Bitwise bitcoin fund", "crypto", group=_BITCOIN),
    _asset("EZBC", "Franklin bitcoin fund", "crypto", group=_BITCOIN),
    _asset("BRRR", "CoinShares bitcoin fund", "crypto", group=_BITCOIN),
    _asset("BTCW", "WisdomTree bitcoin fund", "crypto", group=_BITCOIN),
    _asset("ETHA", "iShares ether fund", "crypto", "blackrock", "337614", group=_ETHER),
    _asset("ETHE", "Grayscale ether trust", "crypto", "grayscale", "ETHE", group=_ETHER),
    _asset("ETH-MINI", "Grayscale ether mini trust", "crypto", "grayscale", "ETH", group=_ETHER, quoted_as="ETH"),
    _asset("QETH", "Invesco Galaxy ether fund", "crypto", "invesco", "46148D107", group=_ETHER),
    _asset("FETH", "Fidelity ether fund", "crypto", group=_ETHER),
    _asset("ETHW", "Bitwise ether fund", "crypto", group=_ETHER),
    _asset("EZET", "Franklin ether fund", "crypto", group=_ETHER),
    _asset("ETHV", "VanEck ether fund", "crypto", group=_ETHER),
)

# Ids of FRED: dollar index, yields of 2 and 10 years, their slope, spread of high-yield bonds.
ReferenceId = Literal["DTWEXBGS", "DGS2", "DGS10", "T10Y2Y", "BAMLH0A0HYM2"]

UniversePreset = Literal["default", "wide"]
UNIVERSES = {"default": DEFAULT_UNIVERSE, "wide": WIDE_UNIVERSE}
