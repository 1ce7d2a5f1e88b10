"""What hosts share in a Postgres database: rate limits, monthly credits, locks.

The one package that imports psycopg, and only in functions: an installation without it shares nothing.
"""
