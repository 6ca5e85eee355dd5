"""Slack's signature: its own example, and everything that is not one."""

from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.access.slack import MOST_SECONDS, refusal

# Slack's own example: docs.slack.dev, "Verifying requests from Slack".
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
STAMP = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
NOW = datetime.fromtimestamp(int(STAMP), UTC)
HEADERS = {"x-slack-request-timestamp": STAMP, "x-slack-signature": SIGNATURE}


def test_slacks_own_example_is_right() -> None:
    assert refusal(SECRET, HEADERS, BODY, NOW) == ""
    for seconds in (MOST_SECONDS, -MOST_SECONDS):
        assert refusal(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds)) == ""


@pytest.mark.parametrize("seconds", [MOST_SECONDS + 1, -MOST_SECONDS - 1])
def test_what_is_old_may_be_a_repeat(seconds: int) -> None:
    assert "five minutes" in refusal(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "given", ["", "v0=", SIGNATURE[:-1], SIGNATURE[3:], SIGNATURE.replace("v0", "v1"), "v0=ü", "\udc80"]
)
def test_whatever_else_is_wrong(given: str) -> None:
    assert "SLACK_SIGNING_SECRET" in refusal(SECRET, {**HEADERS, "x-slack-signature": given}, BODY, NOW)


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "٣", "9" * 12, STAMP + " "])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    assert refusal(SECRET, {**HEADERS, "x-slack-request-timestamp": stamp}, BODY, NOW)


def test_a_signature_is_of_this_body_this_time_and_this_secret() -> None:
    assert refusal(SECRET, HEADERS, BODY + b"&", NOW)
    assert refusal(SECRET, {**HEADERS, "x-slack-request-timestamp": str(int(STAMP) + 1)}, BODY, NOW)
    assert refusal("another", HEADERS, BODY, NOW)
    assert "is not set" in refusal("", HEADERS, BODY, NOW)
