"""Whether a post comes from Slack.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack: `v0=` and the hexadecimal HMAC-SHA256 of
`v0:TIMESTAMP:BODY` with the app's signing secret, the timestamp at most five minutes from now.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
MOST_SECONDS = 300


def refusal(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Why a post must not be believed, "" where it is Slack's. Compared in constant time."""
    if not secret:
        return "SLACK_SIGNING_SECRET is not set: nothing that is pressed in Slack is taken here"
    stamp = headers.get(TIMESTAMP, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return "the post is not signed as Slack signs"
    if abs(now.timestamp() - int(stamp)) > MOST_SECONDS:
        return "the post is older than five minutes, or a clock is wrong: it may be a repeat"
    signed = b"v0:" + stamp.encode() + b":" + body
    made = f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
    given = headers.get(SIGNATURE, "").encode("utf-8", "surrogatepass")
    return (
        "" if hmac.compare_digest(given, made.encode()) else "the signature is not one made with SLACK_SIGNING_SECRET"
    )
