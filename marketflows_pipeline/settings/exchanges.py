"""``[exchanges]``: the exchange flow monitor; without that table there is no such part."""

from __future__ import annotations

from pydantic import Field, field_validator

from marketflows_pipeline.settings.fields import IdsOnce, Number, TomlTable, Whole, expected

DEFAULT_TRACKED = (
    "binance", "okex", "bybit_spot", "gdax", "bitfinex", "kraken", "kucoin", "huobi", "gate", "bitget", "mxc",
    "crypto_com", "bitstamp", "gemini", "robinhood", "deribit", "bitmex", "bingx", "coinex", "bitkub",
)  # fmt: skip
MAX_HHI = 10_000.0


class Exchanges(TomlTable):
    """``[exchanges]``: which exchanges are followed closely, and where the lines are drawn."""

    top_n: Whole = Field(50, ge=1, le=10_000, description="Exchanges shown by default; all are stored")
    tracked: IdsOnce = Field(
        DEFAULT_TRACKED, description="Exchanges whose reserves are followed: CoinGecko ids or DefiLlama slugs"
    )
    inflow_pct: Number = Field(
        10.0, gt=0, le=10_000, description="Volume above its 7-day mean by this much counts as up"
    )
    # No volume is further below its mean than all of it.
    outflow_pct: Number = Field(
        -10.0, gt=-100, lt=0, description="Volume below its 7-day mean by this much counts as down"
    )
    hhi_thresholds: tuple[Number, Number] = Field(
        (1000.0, 1800.0), description="Where moderate and high concentration begin; [1500, 2500] is the 2010 guideline"
    )
    whale_exclude_categories: IdsOnce = Field(
        ("stablecoins", "wrapped-tokens"), description="CoinGecko categories that whale signals leave out"
    )

    @field_validator("hhi_thresholds")
    @classmethod
    def _ascending(cls, thresholds: tuple[float, float]) -> tuple[float, float]:
        moderate, high = thresholds
        if not 0 < moderate < high < MAX_HHI:
            raise expected(f"two ascending numbers between 0 and {MAX_HHI:,.0f}, such as [1000, 1800]")
        return thresholds
