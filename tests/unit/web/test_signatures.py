import hashlib
import hmac

import pytest

from aiops_processor.web.signatures import refusal, signed

# GitHub's own example: docs.github.com, "Testing the webhook payload validation".
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


@pytest.mark.parametrize("name", ["x-hub-signature-256", "x-signature-256"])
def test_githubs_own_example_is_right(name: str) -> None:
    assert signed({name: SIGNATURE})
    assert refusal(SECRET, {name: SIGNATURE}, BODY) == ""
    assert refusal(SECRET, {name: SIGNATURE.upper().replace("SHA", "sha")}, BODY) == ""


@pytest.mark.parametrize(
    "given",
    ["", "sha256=", SIGNATURE[:-1], SIGNATURE[7:], SIGNATURE.replace("sha256", "sha1"), "sha256=ü", f"{SIGNATURE}00"],
)
def test_whatever_else_is_wrong(given: str) -> None:
    assert "the signature is wrong" in refusal(SECRET, {"x-signature-256": given}, BODY)


def test_a_signature_is_of_this_body_and_this_secret() -> None:
    assert refusal(SECRET, {"x-hub-signature-256": SIGNATURE}, BODY + b"\n")
    assert refusal("another", {"x-hub-signature-256": SIGNATURE}, BODY)


def test_of_two_signatures_both_must_be_right() -> None:
    old = hmac.new(b"old", BODY, hashlib.sha256).hexdigest()
    assert refusal(SECRET, {"x-hub-signature-256": SIGNATURE, "x-signature-256": f"sha256={old}"}, BODY)


def test_what_comes_as_githubs_must_be_signed_or_bring_credentials() -> None:
    assert "CHANGES_SECRET" in refusal(SECRET, {"x-github-event": "push"}, BODY)
    assert refusal(SECRET, {"x-github-event": "push", "authorization": "Bearer t"}, BODY) == ""
    assert refusal(SECRET, {}, BODY) == ""


def test_without_a_secret_nothing_is_checked() -> None:
    assert refusal("", {"x-github-event": "push", "x-hub-signature-256": "sha256=0"}, BODY) == ""


def test_no_message_holds_the_secret_or_the_right_signature() -> None:
    for headers in ({"x-github-event": "push"}, {"x-signature-256": "sha256=0"}):
        reason = refusal(SECRET, headers, BODY)
        assert SECRET not in reason
        assert SIGNATURE[7:] not in reason
