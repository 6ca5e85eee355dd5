#!/bin/sh
# Prints the path of aimock, the fake of many model providers that the tests run, and installs it where it is missing.
# Kept under .venv, which git ignores: its lock file would name the registry that it came from.
set -eu

version=1.43.0
folder="$(cd "$(dirname "$0")/.." && pwd)/.venv/aimock-$version"
program="$folder/node_modules/@copilotkit/aimock/dist/cli.js"
command -v npm > /dev/null && command -v node > /dev/null || { echo "npm and node are not installed" >&2; exit 1; }
test -f "$program" || npm install --silent --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
    --prefix "$folder" "@copilotkit/aimock@$version" >&2
echo "$program"
