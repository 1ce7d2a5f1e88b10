"""Net flow as it could be known at the time, beside what the service made of it since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.first_seen_flows import with_first_seen_netflow
from marketflows_pipeline.transforms.exchanges.netflow import exchange_netflow
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline_tests.transforms.exchanges.test_netflow import EXCHANGES, SHARES, SNAPSHOTS
from marketflows_pipeline_tests.transforms.exchanges.wallets import moment, own_tokens_of, tvl_of

NOBODY = own_tokens_of({})


def row(
    day: int,
    quantity: float,
    first: float | None = None,
    seen: datetime | None = None,
    token: str = "X",
) -> dict[str, Any]:
    """A record of a token at a price of 1,000: now, and as first seen, by default a day later and the same."""
    first = quantity if first is None else first
    return {
        "slug": "x", "ts": moment(day), "token": token, "quantity": quantity, "value_usd": 1_000 * quantity,
        "is_now": False, "fetched_at": moment(9), "first_quantity": first, "first_value_usd": 1_000 * first,
        "first_seen_at": seen or moment(day + 1),
    }  # fmt: skip


def not_seen(day: int, quantity: float, token: str = "X") -> dict[str, Any]:
    """A record of a day that was not over when it was last asked for."""
    nothing = dict.fromkeys(("first_quantity", "first_value_usd", "first_seen_at"))
    return row(day, quantity, token=token) | nothing


def first_seen(*rows: dict[str, Any], once_left_out: Sequence[tuple[int, str]] = ()) -> list[tuple[Any, ...]]:
    """Net flow now, as first seen, and since when it was known, day by day.

    Args:
        rows: of balances.
        once_left_out: day and token of what was quarantined, and is no more.
    """
    balances = pl.DataFrame(rows, schema=table("raw.cex_token_balances").polars_schema)
    flows = token_flows(balances, NOBODY)
    netflow = exchange_netflow(flows, tvl_of({}), EXCHANGES, SHARES, SNAPSHOTS)
    released = pl.DataFrame(
        [("x", moment(day), token) for day, token in once_left_out],
        schema={name: balances.schema[name] for name in ("slug", "ts", "token")}, orient="row",
    )  # fmt: skip
    found = with_first_seen_netflow(netflow, balances, NOBODY, released)
    assert set(found.columns) == set(table("mart.exchange_netflow").column_names)
    return found.select("netflow_mid_usd", "first_netflow_mid_usd", "known_at").rows()


def test_a_revised_quantity_leaves_the_flow_that_was_known_then() -> None:
    """DefiLlama learnt of a wallet a week later: a backtest saw a deposit that nobody could see on the day."""
    found = first_seen(row(0, 100), row(1, 150, first=110), row(2, 160, first=120))

    assert found == [(None, None, None), (50_000, 10_000, moment(2)), (10_000, 10_000, moment(3))]


def test_without_a_revision_both_are_the_same() -> None:
    assert first_seen(row(0, 100), row(1, 150)) == [(None, None, None), (50_000, 50_000, moment(2))]


def test_a_day_that_is_not_over_is_not_known_yet() -> None:
    found = first_seen(row(0, 100), row(1, 110), not_seen(2, 120))

    assert found[-1] == (10_000, None, None)


def test_a_history_is_known_since_it_was_fetched() -> None:
    """Ninety days of the past came with the first run, and a backtest took them as known on each day."""
    found = first_seen(row(0, 100, seen=moment(90)), row(1, 110, seen=moment(90)), row(2, 130, seen=moment(91)))

    assert [known for _, _, known in found] == [None, moment(90), moment(91)]


def test_a_token_that_a_later_answer_added_is_not_in_what_was_first_seen() -> None:
    both = [row(0, 100), row(1, 110)]
    added = [row(0, 50, seen=moment(5), token="Y"), row(1, 80, seen=moment(5), token="Y")]

    assert first_seen(*both, *added)[-1] == (40_000, 10_000, moment(2))


def test_what_was_quarantined_at_first_is_not_in_what_was_first_seen() -> None:
    """A new price counted once the next record confirmed it, and a backtest took it as known a day before."""
    cash = [row(day, 100 + 10 * day, token="CASH") for day in range(4)]
    found = first_seen(*cash, *(row(day, 50 * (1 + day)) for day in range(4)), once_left_out=[(1, "X")])

    assert [flow for flow, _, _ in found] == [None, 60_000, 60_000, 60_000]
    assert [flow for _, flow, _ in found] == [None, 10_000, 10_000, 60_000]


def test_a_slip_that_the_service_put_right_is_in_neither() -> None:
    """Left out when it was seen and put right a day later, it was in the net flow as first seen all the same."""
    cash = [row(day, 100 + 10 * day, token="CASH") for day in range(2)]
    slipped = row(1, 50) | {"first_value_usd": 5e6}

    assert first_seen(*cash, row(0, 49), slipped, once_left_out=[(1, "X")])[-1] == (11_000, 10_000, moment(2))


def test_the_first_quantity_stands_beside_the_revised_one() -> None:
    balances = pl.DataFrame(
        [row(0, 100), row(1, 150, first=110), not_seen(2, 160)], schema=table("raw.cex_token_balances").polars_schema
    )
    flows = token_flows(balances, NOBODY)

    assert flows.select("quantity", "first_quantity").rows() == [(100, 100), (150, 110), (160, None)]


def test_nothing_stored_gives_nothing() -> None:
    assert first_seen() == []
