"""Warehouse queries of events: each kind declared once, as SQL that the evidence of its events repeats."""
