#!/bin/sh
# Make the files of the secrets that are not there yet: random ones where we choose them, empty ones where you do.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 711 secrets

random() {
    [ -s "secrets/$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$1"
}

for name in api_token postgresql_password grafana_admin_password; do
    random "$name"
done
for name in deepseek_api_key slack_webhook_url database_url; do
    [ -e "secrets/$name" ] || : > "secrets/$name"
done
chmod 644 secrets/* # read by users of the containers who are not root; the folder cannot be listed by others
