#!/bin/sh
# Run by the Postgres image when it makes its volume: a role and a database of the lake's own, apart from Dagster's.
set -eu
password=$(cat /run/secrets/lake_password)
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --set password="$password" <<'SQL'
create role marketflows login password :'password';
create database marketflows owner marketflows;
revoke connect on database marketflows from public;
revoke connect on database dagster from public;
SQL
