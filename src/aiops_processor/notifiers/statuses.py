"""What a status that is no 2xx says: whether it may pass, and what a person can do about it."""

_MAY_PASS = frozenset({408, 425, 429})
_REMEDIES = {
    401: "it wants other credentials",
    403: "it wants other credentials",
    404: "no such address; was the webhook removed?",
    410: "no such address; was the webhook removed?",
    413: "the message is too large for it",
}


def is_final(status: int) -> bool:
    """Whether an answer with this status would be the same again."""
    return status not in _MAY_PASS and status < 500


def remedy(status: int) -> str:
    """What a person can do about it, "" where nobody knows."""
    return _REMEDIES.get(status, "it redirects; configure where to" if status < 400 else "")
