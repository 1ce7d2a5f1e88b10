#!/bin/sh
# The S3 server, and in it the one bucket that the lake has: its keys may not make any.
#
#   sh objects.sh FOLDER IDENTITIES
set -eu
# Its parts speak to each other on the loopback; only S3 itself is for others.
weed server -dir="$1" -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -iam=false -filer -s3 \
    -s3.ip.bind=0.0.0.0 -s3.port=8333 -s3.config="$2" -s3.iam=false -s3.port.iceberg=0 -s3.port.lance=0 &
server=$!
trap 'kill "$server"' INT TERM
shell() { echo "$1" | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888 2>/dev/null; }
while kill -0 "$server" 2>/dev/null && ! shell s3.bucket.list | grep -q marketflows; do
    shell "s3.bucket.create -name marketflows" >/dev/null || true
    sleep 1
done
# A signal ends the first wait before the server has ended.
wait "$server" || wait "$server"
