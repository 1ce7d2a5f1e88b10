"""Bars, shares, splits and indices out of a folder of the user."""
