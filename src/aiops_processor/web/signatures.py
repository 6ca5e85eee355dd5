"""Signed posts: an HMAC of the body instead of credentials, for senders that can give no other proof.

Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. GitLab, Gitea and a script
with openssl make the same: the hexadecimal HMAC-SHA256 of the body as it is sent, after `sha256=`.
"""

import hashlib
import hmac
from collections.abc import Mapping

HEADERS = ("x-hub-signature-256", "x-signature-256")
"""GitHub's, and that of everybody else; names in lower case."""
PATHS = ("/webhook/changes", "/webhook/changes/")
_SCHEME = "sha256="


def signed(headers: Mapping[str, str]) -> bool:
    """Whether a request says that it is signed; whether that is true is known once its body is read."""
    return any(name in headers for name in HEADERS)


def refusal(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Why a post must not be believed, "" where nothing speaks against it. Without a secret nothing is checked.

    What comes as GitHub's must be signed once there is a secret, unless it brings credentials, which were checked
    before. Compared in constant time.
    """
    if not secret:
        return ""
    if not signed(headers):
        unproven = "x-github-event" in headers and "authorization" not in headers
        return "the post is not signed: set the secret of the webhook to CHANGES_SECRET" if unproven else ""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = [headers[name].strip() for name in HEADERS if name in headers]
    right = all(_same(each, f"{_SCHEME}{wanted}") for each in given)
    return "" if right else "the signature is wrong: it must be sha256= and the HMAC of the body with CHANGES_SECRET"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.lower().encode(), wanted.encode())
