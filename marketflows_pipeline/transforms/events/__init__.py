"""Formulas of events: how unusual a figure or a change is against its own past."""
