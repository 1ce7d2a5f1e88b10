#!/bin/sh
# Makes what docker-compose.yml needs beside the clone; what is there already stays as it is.
#
#   sh deploy/prepare.sh
set -eu
cd "$(dirname "$0")/.."
secrets=deploy/secrets

# The last value of a variable in .env, where installations used to keep their secrets.
from_env() { [ ! -f .env ] || sed -n "s/^$1=//p" .env | tail -n 1 | tr -d '\r'; }

# keep NAME TEXT: a secret in a file of its own, unless there is one.
keep() {
    [ -e "$secrets/$1" ] || printf '%s\n' "$2" >"$secrets/$1"
    # The containers' users, who are not its owner, read it through their mounts. All others are kept out by the folder.
    chmod 644 "$secrets/$1"
}

mkdir -p output_plots report
mkdir -p -m 700 "$secrets"
chmod 700 "$secrets"

password=$(from_env POSTGRES_PASSWORD)
[ -n "$password" ] || password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
keep postgres_password "$password"
keep coingecko_api_key "$(from_env COINGECKO_API_KEY)"

if [ ! -e .env ]; then
    sed -e "s/^MARKETFLOWS_UID=.*/MARKETFLOWS_UID=$(id -u)/" -e "s/^MARKETFLOWS_GID=.*/MARKETFLOWS_GID=$(id -g)/" \
        deploy/.env.example >.env
elif grep -q -e '^POSTGRES_PASSWORD=.' -e '^COINGECKO_API_KEY=.' .env; then
    echo "The secrets of .env are in $secrets now: delete POSTGRES_PASSWORD and COINGECKO_API_KEY from .env."
fi
[ -n "$(cat "$secrets/coingecko_api_key")" ] ||
    echo "Write your CoinGecko key into $secrets/coingecko_api_key; leave it empty for plan = \"keyless\"."
