"""The sections of the page: each a function from the published file to its cards."""
