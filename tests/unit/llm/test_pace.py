import pytest

from aiops_processor.llm.pace import Rate, Used, wait


@pytest.mark.parametrize(
    ("sent", "rate", "tokens", "seconds"),
    [
        ([], Rate(requests=1, tokens=10), 10, 0),
        ([(50, 1, 5)], Rate(requests=2), 99, 0),
        ([(50, 1, 5)], Rate(requests=1), 1, 10),
        ([(50, 1, 5), (20, 1, 5)], Rate(requests=1), 1, 40),
        ([(50, 1, 5), (20, 1, 5)], Rate(tokens=10), 5, 10),
        ([(50, 1, 5), (20, 0, 5)], Rate(requests=2, tokens=20), 5, 0),
        ([(50, 1, 5), (20, 1, 5)], Rate(tokens=10), 50, 40),
        ([], Rate(tokens=10), 50, 0),
    ],
)
def test_a_question_waits_until_the_last_minute_has_room(
    sent: list[tuple[float, int, int]], rate: Rate, tokens: int, seconds: float
) -> None:
    assert wait(Used(sent=tuple(sent)), rate, tokens) == seconds
