"""Charts of the cross-asset part: flows, rankings, regimes, correlations, model quality."""
