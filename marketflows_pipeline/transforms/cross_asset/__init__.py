"""Transforms of the cross-asset part: flows, splits, rankings, regimes, correlations."""
