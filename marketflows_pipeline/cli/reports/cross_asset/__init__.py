"""Reports of the `cross-asset`, `train` and `score` commands."""
