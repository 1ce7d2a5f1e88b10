"""Transforms of the market-cap part: grid, groups, ranges, metrics, gains."""
