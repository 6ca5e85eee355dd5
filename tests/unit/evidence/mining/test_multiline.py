import pytest

from aiops_processor.evidence.mining import multiline

JAVA = ["\tat shop.Cart.pay(Cart.java:12)", "Caused by: java.io.IOException: reset", "\t... 12 more", ""]
PYTHON = ["Traceback (most recent call last):", '  File "cart.py", line 3, in pay', "    raise ValueError(amount)"]


@pytest.mark.parametrize("line", JAVA + PYTHON)
def test_the_lines_of_a_stack_trace_go_on(line: str) -> None:
    assert multiline.goes_on(line, within=False)


def test_what_was_raised_ends_a_trace_but_does_not_begin_one() -> None:
    assert multiline.goes_on("ValueError: -1", within=True)
    assert not multiline.goes_on("ValueError: -1", within=False)
    assert not multiline.goes_on("request failed", within=True)


def test_a_trace_says_what_happened_and_what_was_raised_in_the_end() -> None:
    assert (
        multiline.essence("\n".join(["payment failed", *PYTHON, "ValueError: -1"])) == "payment failed ValueError: -1"
    )
    assert multiline.essence("\n".join(["payment failed", *JAVA])) == f"payment failed {JAVA[1]}"
    assert multiline.essence("one line") == "one line"
    assert multiline.essence("\n\n") == ""
