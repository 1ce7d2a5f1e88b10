#!/bin/sh
# Makes what deploy/cluster/compose.yml needs beside the clone; what is there already stays as it is.
#
#   sh deploy/cluster/prepare.sh
set -eu
cd "$(dirname "$0")/../.."
sh deploy/prepare.sh
secrets=deploy/secrets

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME TEXT: a secret in a file of its own, unless there is one; readable as deploy/prepare.sh says.
keep() {
    [ -e "$secrets/$1" ] || printf '%s\n' "$2" >"$secrets/$1"
    chmod 644 "$secrets/$1"
}

keep lake_password "$(random 24)"
keep s3_key_id "$(random 10)"
keep s3_secret "$(random 24)"
keep s3_reader_key_id "$(random 10)"
keep s3_reader_secret "$(random 24)"

# identity NAME FILE_PREFIX ACTIONS
identity() {
    printf '{"name": "%s", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": [%s]}' \
        "$1" "$(cat "$secrets/$2_key_id")" "$(cat "$secrets/$2_secret")" "$3"
}

keep s3_identities "{\"identities\": [$(
    identity pipeline s3 '"Read:marketflows", "Write:marketflows", "List:marketflows"'
), $(
    identity reader s3_reader '"Read:marketflows", "List:marketflows"'
)]}"
