"""Reports about narratives, ranges and portfolios."""
