"""Quarantining reserves at an impossible price, by the rule of transforms/exchanges/reserve_prices.py."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from marketflows_pipeline.ingest.quarantine import warn_of_quarantined
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.transforms.exchanges.reserve_prices import JUMP_FACTOR, LEAST_VALUE_USD, faulty_prices
from marketflows_pipeline.warehouse.quarantine import quarantine
from marketflows_pipeline.warehouse.row_keys import without_left_out
from marketflows_pipeline.warehouse.store import Warehouse

BALANCES = "raw.cex_token_balances"
RULE = "reserve_prices"

# All records of each token whose price ever jumped, also those the rule left out: it lets go what it finds no more.
# What was left out for another reason, or by hand, is not compared with.
_SUSPECTS = f"""
with compared as ({without_left_out(TABLES[BALANCES], f"rule is distinct from '{RULE}'")}),
prices as (
    select token, value_usd, value_usd / quantity as price, lag(value_usd / quantity) over path as before,
           lag(value_usd) over path as value_before
    from compared where not is_now and quantity > 0 and value_usd > 0
    window path as (partition by slug, token order by ts)
)
select slug, ts, token, quantity, value_usd, is_now
from compared
semi join (
    select token from prices
    where greatest(value_usd, value_before) >= ? and greatest(price / before, before / price) > ?
) using (token)
"""  # noqa: S608 (constants)
# The largest coin of a symbol, at each of its observations.
_MARKET = """
with named as (
    select upper(symbol) as token, coin_id from accepted.coins join accepted.market_caps using (coin_id)
    where list_contains(?, upper(symbol))
    group by token, coin_id
    qualify row_number() over (partition by token order by max(market_cap_usd) desc, coin_id) = 1
)
select token, ts, price_usd from named join accepted.market_caps using (coin_id) where price_usd > 0 order by ts
"""


def quarantine_price_jumps(warehouse: Warehouse, started_at: datetime, now: datetime) -> None:
    """Leave out reserves at a price that cannot be, and let those that were put right or confirmed count again.

    Paths of prices take seconds to read, so only a run that stored new records, once a day, looks at them.
    """
    newest = warehouse.query("select max(fetched_at) as newest from raw.cex_token_balances").item()
    if newest is None or newest < started_at:
        return
    suspects = warehouse.query(_SUSPECTS, [LEAST_VALUE_USD, JUMP_FACTOR])
    tokens = suspects["token"].unique().sort()
    market = warehouse.query(_MARKET, [tokens.str.to_uppercase().unique().to_list()])
    # As the reserves spell it.
    spelt = pl.DataFrame({"spelling": tokens, "token": tokens.str.to_uppercase()})
    prices = market.join(spelt, on="token").drop("token").rename({"spelling": "token"})
    added = quarantine(warehouse, BALANCES, faulty_prices(suspects, prices), rule=RULE, at=now)
    warn_of_quarantined(BALANCES, added, "reserves at a price that cannot be")
