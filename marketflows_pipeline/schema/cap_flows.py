"""Tables of what moved market caps: attribution, migration between ranges, the chain of each range."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import COIN, flag, integer, moment, number, text, usd
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="market_caps", may_be_empty=True)

_CLOSE = moment("ts", "Daily close, 00:00 UTC")
_OBSERVED_CAP, _OBSERVED_PRICE = "raw.market_caps.market_cap_usd", "raw.market_caps.price_usd"
_ATTRIBUTION = "mart.cap_attribution"
_EFFECTS = (
    usd("price_effect_usd", "Supply at the close before times the change of price", nullable=False),
    usd(
        "supply_effect_usd",
        "Price times the change of supply: issuance, burns, counts; read it over 7 days or more",
        nullable=False,
    ),
    usd(
        "large_supply_step_usd",
        "The same where supply moved by more than 10 % and the coin is not pegged, wrapped or a lending receipt: "
        "a size class, no proof of a new count",
        nullable=False,
    ),
    usd("timing_usd", "Change of market cap less supply times price, which are not of one instant", nullable=False),
)
# What many columns are computed from.
_COIN_CAP = f"{_ATTRIBUTION}.market_cap_usd"

CAP_FLOW_TABLES: tuple[Table, ...] = (
    _table(
        name=_ATTRIBUTION,
        grain="one followed coin at one daily close",
        key=("coin_id", "ts"),
        description=(
            "What moved each coin's market cap since the close before: change = price + supply + large supply step + "
            "timing, exactly. Closes are the last observation at or before 00:00 UTC, of the last 366 days. Prices and "
            "supplies are in units of the coin's first close here, so that a redenomination is no effect. No effect is "
            "money that came in."
        ),
        columns=(
            COIN,
            _CLOSE,
            usd("market_cap_usd", "Market cap at the close", _OBSERVED_CAP, nullable=False),
            usd(
                "price_usd", "Price of one coin at the close, redenominations restated", _OBSERVED_PRICE, nullable=False
            ),
            number(
                "supply",
                "Trailing median of market cap / price over 7 closes, fewer at a coin's start",
                _OBSERVED_CAP,
                _OBSERVED_PRICE,
                unit="coins",
                nullable=False,
            ),
            number(
                "circulating_supply",
                "What the service's pages gave on the day before the close, redenominations restated; shown, never "
                "mixed with supply",
                "raw.cohort_members.circulating_supply",
                "raw.narrative_members.circulating_supply",
                unit="coins",
            ),
            usd("change_usd", "Change of market cap since the close before; null at the coin's first"),
            *(replace(column, nullable=True) for column in _EFFECTS),
            flag(
                "is_confirmed",
                "Of a large supply step, whether circulating_supply moved by more than half of it in the same "
                "direction within the 7 closes of the median; null where there is no large step or the pages did not "
                "say",
                nullable=True,
            ),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.cap_attribution_totals",
        grain="one series at one daily close",
        key=("category", "series", "ts"),
        description=(
            "What moved each series' market cap since the close before: change = price + supply + large supply step + "
            "timing + arrivals - departures, exactly. Effects are those of the members at the close before. Narratives "
            "by their stored members, ranges by caps at closes: both from the first stored list on; portfolios by the "
            "settings. Between closes there are totals only (core.group_totals): supply is a median over closes, and a "
            "split by the hour would be noise."
        ),
        columns=(
            text("category", "Narratives, Portfolios or Ranges"),
            text("series", "Narrative slug, portfolio name, or a range's lower limit in whole dollars"),
            _CLOSE,
            usd("market_cap_before_usd", "Sum over the members at the close before", _COIN_CAP, nullable=False),
            usd("market_cap_usd", "Sum over the members; 0 where there is none", _COIN_CAP, nullable=False),
            usd("change_usd", "Change of the sum", _COIN_CAP, nullable=False),
            *(replace(column, derived_from=(f"{_ATTRIBUTION}.{column.name}",)) for column in _EFFECTS),
            usd("arrivals_usd", "Market cap of coins that came since the close before", _COIN_CAP, nullable=False),
            usd(
                "departures_usd",
                "Market cap of coins that went, at this close; of those without one any more the last known",
                _COIN_CAP,
                nullable=False,
            ),
            integer("n_members", "Members at this close"),
            integer("n_arrivals", "Coins that came"),
            integer("n_departures", "Coins that went"),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.range_migration",
        grain="one coin that is in another range than some days before",
        key=("period_days", "ts", "coin_id"),
        description=(
            "Coins that crossed a limit between two daily closes, from the first stored cohort on; before it only "
            "today's survivors are known. A coin's own move stays with the range it came from, and it arrives at its "
            "cap after."
        ),
        columns=(
            integer("period_days", "Days between the two closes: 1, 7 or 30", unit="days"),
            moment("ts_from", "The earlier close"),
            replace(_CLOSE, description="The later close, 00:00 UTC"),
            COIN,
            text("from_range", "Lower limit in whole dollars; null outside of all ranges", nullable=True),
            text("to_range", "Lower limit in whole dollars; null outside of all ranges", nullable=True),
            usd("cap_before_usd", "Market cap at the earlier close; null where none is stored", _COIN_CAP),
            usd("cap_after_usd", "Market cap at the later close; null where none is stored", _COIN_CAP),
            text(
                "kind",
                "moved (between ranges), entered or left (across the smallest limit), listed (its complete history "
                "begins in between), delisted (the service no longer has its id)",
            ),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.range_chain",
        grain="one range at one daily close",
        key=("series", "ts"),
        description=(
            "Growth of each range over fixed members, so that crossing a limit is none: members are fixed at 00:00 "
            "UTC, and a coin changes its range only once its cap is 5 % beyond the limit. Of market caps, so mostly of "
            "prices. From the first stored cohort on, within the last 366 days: compare values within one publish, not "
            "between two."
        ),
        columns=(
            text("series", "The range's lower limit in whole dollars"),
            _CLOSE,
            number(
                "chain_index",
                "Product of the growth of the members of each close before; null while there is none",
                _COIN_CAP,
                unit="1,000 at its first members",
            ),
            integer("n_members", "Members of the chain at this close"),
            integer("n_kept", "Of these, those past a limit by less than 5 %, which the level counts elsewhere"),
            usd(
                "level_usd",
                "Total of the range in core.group_totals, where each coin counts where it is; null off its grid",
                "core.group_totals.market_cap_usd",
            ),
        ),
        as_of="ts",
    ),
)
