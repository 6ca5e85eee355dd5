"""Mail addresses, as settings give them: `oncall@example.com` or `On call <oncall@example.com>`."""

import re
from typing import Annotated

from pydantic import AfterValidator

# The part of RFC 5322 that people use; what is left out (quoted local parts, comments, lists) could carry a header.
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?:[^<>\"@,;:\\()]{{0,100}}<({_ADDRESS})>|({_ADDRESS}))")


def address_of(mailbox: str) -> str:
    """The address alone, without the name. Raises ValueError, which does not repeat the text."""
    found = _MAILBOX.fullmatch(mailbox.strip())
    if found is None or not mailbox.isprintable():
        raise ValueError("expected mail addresses such as oncall@example.com")
    return found[1] or found[2]


def _checked(text: str) -> str:
    address_of(text)
    return text.strip()


Mailbox = Annotated[str, AfterValidator(_checked)]
