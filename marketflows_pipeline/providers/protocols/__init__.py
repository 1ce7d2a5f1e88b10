"""Protocols and frame schemas of the providers, one module a part."""
