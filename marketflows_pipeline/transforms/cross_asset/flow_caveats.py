"""List what is unknown or doubtful of the flows of a window, for the footnotes of rankings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

import polars as pl

_IS_KNOWN = pl.coalesce("flow_usd", "gap_flow_usd").is_not_null()


@dataclass(frozen=True)
class SessionWindow:
    """The last sessions, as far as they are stored.

    Attributes:
        days: sessions requested.
        n_sessions: sessions there are, at most `days`.
        session: the newest.
        first_session: the first of the window.
        session_before: the one before the window, which changes are against; None where none is stored.
        newest_flow_session: newest session on which the flow of any fund is known.
    """

    days: int
    n_sessions: int
    session: date
    first_session: date
    session_before: date | None
    newest_flow_session: date | None

    @classmethod
    def of(cls, flows: pl.DataFrame, days: int) -> Self:
        """The last `days` sessions of flows as `trade_flows` returns them."""
        sessions = flows["session"].unique().sort(descending=True).to_list()
        of_funds = flows.filter(_IS_KNOWN & (pl.col("flow_method") != "supply"))["session"].to_list()
        inside = sessions[:days]
        return cls(
            days=days,
            n_sessions=len(inside),
            session=inside[0],
            first_session=inside[-1],
            session_before=sessions[days] if len(sessions) > days else None,
            newest_flow_session=max(of_funds, default=None),
        )


def flow_caveats(flows: pl.DataFrame, window: SessionWindow) -> pl.DataFrame:
    """Collect what qualifies each asset's flow over a window.

    Args:
        flows: as `trade_flows` returns them.
        window: the sessions.

    Returns:
        symbol, market_cap_usd (at the window's end), last_session (with a price), first_known_session and
        last_known_session (with a flow), lag_basis, and within the window has_supply_revision, suspected_session
        (newest with a suspected split) and large_session (newest with a flow beyond 35 % of the assets), by symbol.
    """
    session, is_inside = pl.col("session"), pl.col("session") >= window.first_session
    return (
        flows.group_by("symbol", maintain_order=True)
        .agg(
            market_cap_usd=pl.col("market_cap_usd").filter(session == window.session).first(),
            last_session=session.max(),
            first_known_session=session.filter(_IS_KNOWN).min(),
            last_known_session=session.filter(_IS_KNOWN).max(),
            lag_basis=pl.col("lag_basis").drop_nulls().first(),
            has_supply_revision=pl.col("is_supply_revision").filter(is_inside).any(),
            suspected_session=session.filter(is_inside, pl.col("flow_unknown_reason") == "suspected_split").max(),
            large_session=session.filter(is_inside, pl.col("is_large_creation").fill_null(value=False)).max(),
        )
        .sort("symbol")
    )
