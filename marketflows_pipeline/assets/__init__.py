"""Dagster glue: one asset a table or family of files, one module a layer.

An asset gets its inputs, calls one function and returns the frame.
"""
