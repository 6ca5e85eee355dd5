import math

import pytest

from aiops_processor.demo.numbers import plain, sample


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e-5, "0.000015"),
        (1e-7, "1e-07"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_sample_is_written_as_go_writes_it(value: float, text: str) -> None:
    assert sample(value) == text


@pytest.mark.parametrize(("value", "text"), [(1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (math.inf, "+Inf")])
def test_a_label_never_has_an_exponent(value: float, text: str) -> None:
    assert plain(value) == text
