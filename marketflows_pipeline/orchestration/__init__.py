"""What this program needs of Dagster beyond its public defaults: executor, run storage, failure messages."""
