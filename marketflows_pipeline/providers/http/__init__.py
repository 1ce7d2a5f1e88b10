"""The HTTP client that all services share: rate limiter, retries, call ledger, redaction, size limits."""
