"""Reports of the `exchange-*` and `whale-movements` commands."""
