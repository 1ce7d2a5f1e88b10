"""The sections of the page: each reads the published file and returns its cards."""
