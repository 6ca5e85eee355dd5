"""Bodies signed with a shared secret, as GitHub signs its webhooks.

Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hashlib
import hmac

HEADER = "x-hub-signature-256"
MOST_BYTES = 1024 * 1024


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Is `sha256=<hexadecimal HMAC-SHA256 of the body>` made with this secret? Compared in constant time."""
    wanted = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    return bool(secret) and hmac.compare_digest(signature.encode(), wanted.encode())
