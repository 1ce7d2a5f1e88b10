"""Tables that set exchanges side by side: league by net flow, flow by class of asset, derivatives and reserves."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import (
    EXCHANGE_KEY,
    NAME,
    SLUG,
    date,
    flag,
    integer,
    moment,
    number,
    pct,
    text,
    usd,
)
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="exchanges", may_be_empty=True)

_OBSERVED = moment("observed_at", "Time of DefiLlama's newest overview")
_TOKENS = "mart.exchange_token_flows"
_CEXS = "raw.cex_snapshots"

EXCHANGE_LEAGUE_TABLES: tuple[Table, ...] = (
    _table(
        name="mart.exchange_netflow_by_class",
        grain="one class of asset of one exchange on one day",
        key=("slug", "day", "asset_class"),
        description=(
            "Net flow of the wallets that DefiLlama knows, by class of asset: bitcoin, ether, dollar stablecoins, "
            "others. netflow_mid_usd and price_effect_mid_usd sum over the classes to those of mart.exchange_netflow."
        ),
        columns=(
            SLUG,
            date("day", "Day in UTC"),
            text(
                "asset_class",
                "btc and eth (with tokens wrapped one for one), stablecoins (pegged to a dollar), other; by symbol",
            ),
            EXCHANGE_KEY,
            NAME,
            moment("ts", "Time of the day's record"),
            date("previous_day", "Day of the record it is compared with; null for the first", nullable=True),
            usd(
                "netflow_mid_usd",
                "Net flow of the class's kept tokens at the mean of both days' prices; null where none is kept",
                f"{_TOKENS}.flow_mid_usd",
            ),
            usd(
                "price_effect_mid_usd",
                "Change of value of the class's kept tokens by price alone",
                f"{_TOKENS}.price_effect_mid_usd",
            ),
            number(
                "netflow_units",
                "Change of the quantity of kept tokens: bitcoins, ethers, or coins of a dollar; null of other",
                f"{_TOKENS}.quantity",
                f"{_TOKENS}.quantity_before",
                unit="coins",
            ),
            usd("reserves_usd", "Value of all tokens of the class, kept or not", f"{_TOKENS}.value_usd"),
            number(
                "reserves_units",
                "Their quantity; null of other, and where one is not known",
                f"{_TOKENS}.quantity",
                unit="coins",
            ),
            integer("n_tokens", "Tokens of the class in the record"),
            integer("n_tokens_kept", "Tokens of the class whose flow is known"),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.exchange_league",
        grain="one exchange over one period",
        key=("period_days", "exchange_key"),
        description=(
            "Tracked exchanges by net flow over 1, 7 and 30 days, beside DefiLlama's own inflow of every exchange that "
            "it lists. Two measures of the same wallets: ours at the means of both days' prices between records near "
            "midnight, theirs up to the moment of the overview, own tokens left out; their formula is not published."
        ),
        columns=(
            integer("period_days", "1, 7 or 30, as DefiLlama's 24 hours, week and month", unit="days"),
            EXCHANGE_KEY,
            text("slug", "DefiLlama slug; null where it has none", nullable=True),
            NAME,
            flag("is_tracked", "Whether the settings name it"),
            integer("rank", "Place by net flow among those with one, from 1", nullable=True),
            usd(
                "netflow_mid_usd",
                "Sum of the net flows that are known, those over missing records where all of their days are of the "
                "period; null where none is",
                "mart.exchange_netflow.netflow_mid_usd",
            ),
            integer("days_known", "Days of the period with a known net flow", unit="days"),
            date("from_day", "Day of the record that the first of them is compared with", nullable=True),
            date("to_day", "Last of them", nullable=True),
            pct(
                "netflow_pct_of_reserves",
                "Net flow as a share of the reserves at its last day",
                "mart.exchange_netflow.netflow_mid_usd",
                "mart.exchange_netflow.reserves_usd",
            ),
            usd("reserves_usd", "Value of all tokens at that day", "mart.exchange_netflow.reserves_usd"),
            moment("observed_at", "Time of DefiLlama's newest overview", nullable=True),
            usd(
                "defillama_inflow_usd",
                "Net inflow as DefiLlama reports it",
                f"{_CEXS}.inflows_24h_usd",
                f"{_CEXS}.inflows_1w_usd",
                f"{_CEXS}.inflows_1m_usd",
            ),
            flag(
                "signs_differ",
                "Whether one is into and the other out of the exchange; null unless both are known and neither is 0",
                nullable=True,
            ),
            text("reason", "Why there is no net flow, where there is none", nullable=True),
        ),
        as_of="observed_at",
    ),
    _table(
        name="mart.exchange_positions",
        grain="one exchange of DefiLlama's newest overview",
        key=("exchange_key",),
        description=(
            "What is open and held at each exchange: open interest, leverage, spot against derivatives volume, and "
            "stablecoin reserves of tracked ones. Volumes are as exchanges report them. Derivatives are perpetuals and "
            "dated futures together: the service does not tell them apart."
        ),
        columns=(
            EXCHANGE_KEY,
            text("slug", "DefiLlama slug; null where it has none", nullable=True),
            NAME,
            _OBSERVED,
            usd("open_interest_usd", "Open interest", f"{_CEXS}.open_interest_usd"),
            pct("open_interest_share_pct", "Its share of that of all listed", f"{_CEXS}.open_interest_usd"),
            number(
                "leverage",
                "Open interest over clean assets, as the service gives it",
                f"{_CEXS}.leverage",
                unit="times",
            ),
            usd("spot_volume_usd", "Spot volume of the 24 hours before", f"{_CEXS}.spot_volume_usd"),
            usd(
                "derivatives_volume_usd", "Derivatives volume of the 24 hours before", f"{_CEXS}.derivatives_volume_usd"
            ),
            pct("spot_share_pct", "Share of its spot volume in that of all listed", f"{_CEXS}.spot_volume_usd"),
            pct(
                "derivatives_share_pct",
                "Share of its derivatives volume in that of all listed",
                f"{_CEXS}.derivatives_volume_usd",
            ),
            pct(
                "derivatives_of_volume_pct",
                "Derivatives as a share of its own spot and derivatives volume; null unless both are known",
                f"{_CEXS}.spot_volume_usd",
                f"{_CEXS}.derivatives_volume_usd",
            ),
            date("stablecoins_day", "Day of the stablecoin reserves", nullable=True),
            usd(
                "stablecoin_reserves_usd",
                "Dollar stablecoins in its known wallets; null where not tracked or none are known",
                "mart.exchange_netflow_by_class.reserves_usd",
            ),
            pct(
                "stablecoin_reserves_pct",
                "Their share of all reserves of that day",
                "mart.exchange_netflow_by_class.reserves_usd",
            ),
        ),
        as_of="observed_at",
    ),
)
