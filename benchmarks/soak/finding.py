"""The shape of evidence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One promise, what was found about it, and whether it was kept."""

    promise: str
    found: str
    is_kept: bool
