"""Charts of the market-cap part: line charts and gain tables."""
