"""The tables by which hosts share, in a schema of their own; those of rate limits are pyrate-limiter's."""

from __future__ import annotations

SCHEMA = "marketflows"
TABLES = (
    """
    create table if not exists credits (
        provider text not null,
        account text not null,
        month date not null,
        used integer not null check (used >= 0),
        closed_until timestamptz,
        primary key (provider, account, month)
    )
    """,
    """
    create table if not exists lock_holders (
        lock_key bigint primary key,
        store text not null,
        part text not null,
        backend_pid integer not null,
        host text not null,
        pid integer not null,
        command text not null,
        started_at timestamptz not null
    )
    """,
)
