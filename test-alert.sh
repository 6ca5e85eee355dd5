#!/bin/sh
# Send test_alert.json to a running service and print the analysis; fails when the system fails.
#   ./test-alert.sh [URL]        URL of the service, http://localhost:8000 (or API_PORT) by default
#   API_TOKEN=… ./test-alert.sh  where the service is on another machine
set -eu

url="${1:-http://localhost:${API_PORT:-8000}}"
folder="$(cd "$(dirname "$0")" && pwd)"
answer="$(mktemp)"
trap 'rm -f "$answer"' EXIT

ask() { # ask PATH [curl options]; the body goes to $answer, the status is printed
    path="$1"
    shift
    curl --silent --show-error --max-time 120 --output "$answer" --write-out '%{http_code}' \
        ${API_TOKEN:+--header "Authorization: Bearer $API_TOKEN"} "$@" "$url$path"
}

fail() {
    echo "test-alert: $1" >&2
    cat "$answer" >&2
    exit 1
}

status="$(ask /health)" || fail "$url does not answer; is the service running (make run), and is it there that it listens (API_PORT)?"
[ "$status" = 200 ] || fail "health: $status"

# the alert fires now: evidence is sought around this moment
now="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
body="$(sed "s/\"startsAt\": \"[^\"]*\"/\"startsAt\": \"$now\"/" "$folder/test_alert.json")"
status="$(ask "/analyze?notify=false" --header 'Content-Type: application/json' --data "$body")" || fail "no answer to the alert"
[ "$status" = 200 ] || fail "analysis: $status"
grep -q '"alert_name":"HighCPUUsage"' "$answer" || fail "this is no analysis of the alert:"

cat "$answer"
echo
