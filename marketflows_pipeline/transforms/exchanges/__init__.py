"""Transforms of the exchange part: volumes, shares, reserves, net flow, whale signals."""
