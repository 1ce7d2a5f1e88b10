"""Reports of the market-cap part, a module each."""
