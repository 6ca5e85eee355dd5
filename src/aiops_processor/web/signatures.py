"""Signed posts: an HMAC of the body instead of credentials, for senders that can give no other proof.

Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. GitLab, Gitea and a script
with openssl make the same: the hexadecimal HMAC-SHA256 of the body as it is sent, after `sha256=`.
"""

from collections.abc import Mapping

from aiops_processor.access.signature import is_signed

HEADERS = ("x-hub-signature-256", "x-signature-256")
"""GitHub's, and that of everybody else; names in lower case."""
PATHS = ("/webhook/changes", "/webhook/changes/")


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
    right = all(is_signed(body, headers[name].strip().lower(), secret) for name in HEADERS if name in headers)
    return "" if right else "the signature is wrong: it must be sha256= and the HMAC of the body with CHANGES_SECRET"
