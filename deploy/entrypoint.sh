#!/bin/sh
# Runs a command with the database's password in its environment: Dagster's settings take it from nowhere else, and a
# container's own environment can be read by everybody who may inspect it.
set -eu
if [ -n "${DAGSTER_PG_PASSWORD_FILE:-}" ]; then
    DAGSTER_PG_PASSWORD=$(cat "$DAGSTER_PG_PASSWORD_FILE")
    [ -n "$DAGSTER_PG_PASSWORD" ] || { echo "error: $DAGSTER_PG_PASSWORD_FILE is empty: run sh deploy/prepare.sh" >&2; exit 2; }
    export DAGSTER_PG_PASSWORD
fi
exec "$@"
