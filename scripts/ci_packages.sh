#!/bin/sh
# The programs that the tests run for real. Where they are installed, or cannot be, nothing is done: the tests that
# need them say so and are skipped.
set -eu

missing=""
for pair in prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager \
    prometheus-node-exporter:prometheus-node-exporter chromium:chromium victoria-metrics:victoria-metrics \
    faketime:faketime; do
    command -v "${pair%%:*}" > /dev/null || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
command -v apt-get > /dev/null || { echo "not installed and no apt-get:$missing" >&2; exit 0; }
echo "installing$missing"
apt-get update -qq
for package in $missing; do # one by one: not every release has all of them
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" > /dev/null ||
        echo "cannot be installed: $package" >&2
done
