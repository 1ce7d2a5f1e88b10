"""Warnings about an exchange's reserves: what a net flow does not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketflows_pipeline.transforms.exchanges.netflow_sums import pct_of

# A vanished or new token above this share of the reserves is worth a warning.
LARGE_TOKEN_PCT = 1.0

_LARGE = {
    "vanished": ("vanished", "a withdrawal, a new name or a lost label"),
    "new": ("is new", "a deposit, a new name or a new label"),
}
_LEFT_OUT = {
    "unpriced": "without a price",
    "negative": "with a quantity or value below 0",
    "quarantined": "with a quarantined record (see `marketflows quarantine list`)",
}


def reserve_warnings(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to be told beside the net flow: large tokens that vanished or are new, and tokens without a price."""
    warnings = []
    for record in records:
        for kind, (happened, cause) in _LARGE.items():
            share = pct_of(record[f"largest_{kind}_usd"], record["reserves_usd"])
            if share is not None and share > LARGE_TOKEN_PCT:
                warnings.append(
                    f"{record['day']}: {record[f'largest_{kind}_token']} worth {share:.1f} % of the reserves "
                    f"{happened}; it is left out, and may be {cause}"
                )
        if count := record["n_tokens_rebased"]:
            warnings.append(
                f"{record['day']}: {count:,} {'token is' if count == 1 else 'tokens are'} counted on another basis "
                "than before, as after a redenomination: no flow"
            )
    return [*warnings, *_not_measured(records)]


def _not_measured(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of the newest day that has any: tokens that no flow can be known of, so that a small flow is no calm."""
    warnings = []
    for reason, what in _LEFT_OUT.items():
        for record in [record for record in records if record[f"n_tokens_{reason}"]][-1:]:
            count = record[f"n_tokens_{reason}"]
            tokens = f"1 token {what} is" if count == 1 else f"{count:,} tokens {what} are"
            kept = f"the net flow is of the {record['n_tokens_kept']:,} kept ones alone"
            warnings.append(f"{record['day']}: {tokens} left out; {kept}")
    return warnings
