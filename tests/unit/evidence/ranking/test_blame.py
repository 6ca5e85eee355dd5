import pytest

from aiops_processor.evidence import ranking

KNOWN = {"gateway", "catalog", "checkout", "payments", "db", "user", "order-api"}
BELOW = ranking.below({("gateway", "checkout"), ("checkout", "payments"), ("gateway", "catalog"), ("catalog", "db")})


@pytest.mark.parametrize(
    ("writer", "line", "entity"),
    [
        ("gateway", "502: Upstream: checkout answered 502: refused: payments:9204 [Errno 111]", "payments"),
        ("gateway", "slow call to dependency catalog took 776 ms", "catalog"),
        ("catalog", "no connection: pool of gateway is full", "catalog"),
        ("checkout", "KeyError: 'discount'", "checkout"),
        ("db", "user not found", "db"),
        ("db", "GET http://user/profile failed", "user"),
        ("db", "order-api timed out", "order-api"),
    ],
)
def test_a_line_blames_the_last_callee_that_it_names(writer: str, line: str, entity: str) -> None:
    assert ranking.blamed(writer, line, KNOWN, BELOW) == entity


def test_those_below_are_found_through_others_and_round_a_ring() -> None:
    assert BELOW["gateway"] == {"checkout", "payments", "catalog", "db"}
    assert ranking.below({("a", "b"), ("b", "a")}) == {"a": {"b"}, "b": {"a"}}
