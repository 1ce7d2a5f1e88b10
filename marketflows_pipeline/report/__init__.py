"""The brief and the page: what changed, told from the published file alone."""
