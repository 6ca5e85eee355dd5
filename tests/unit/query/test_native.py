"""What is asked of classic histograms, asked of native ones."""

import pytest

from aiops_processor.evidence.asking import packs
from aiops_processor.query import promql
from aiops_processor.query.native import of_native

NATIVE = ("t_seconds",)


@pytest.mark.parametrize(
    ("classic", "native"),
    [
        (
            "histogram_quantile(0.95, sum by (le, job) (rate(t_seconds_bucket[5m])))",
            "histogram_quantile(0.95, sum by (le, job) (rate(t_seconds[5m])))",
        ),
        ("rate(t_seconds_count[5m])", "histogram_count(rate(t_seconds[5m]))"),
        (
            "sum(increase(t_seconds_sum[1h])) / sum(increase(t_seconds_count[1h]))",
            "sum(histogram_sum(increase(t_seconds[1h]))) / sum(histogram_count(increase(t_seconds[1h])))",
        ),
        ('t_seconds_count{code="500"}', 'histogram_count(t_seconds{code="500"})'),
        ("t_seconds_count offset 1h", "histogram_count(t_seconds offset 1h)"),
        ('rate(t_seconds_bucket{le="0.5"}[5m])', 'rate(t_seconds_bucket{le="0.5"}[5m])'),
        ("sum(irate(t_seconds_count[5m]))", "sum(irate(t_seconds_count[5m]))"),
        ("max_over_time(t_seconds_sum[5m])", "max_over_time(t_seconds_sum[5m])"),
        (
            "max_over_time(rate(t_seconds_count[5m])[1h:1m])",
            "max_over_time(histogram_count(rate(t_seconds[5m]))[1h:1m])",
        ),
        ("rate(other_seconds_count[5m]) + up", "rate(other_seconds_count[5m]) + up"),
    ],
)
def test_each_part_is_read_from_the_histogram_itself(classic: str, native: str) -> None:
    assert of_native(classic, NATIVE) == promql.render(promql.parse(native))


def test_every_built_in_pack_can_ask_native_histograms() -> None:
    """None of them picks a bucket, for no native histogram has one of that name."""
    queries = [each for pack in packs.built_in() for each in pack.queries]
    found = 0
    for each in queries:
        names = {name for s in promql.selectors(each.in_window("5m")) if (name := s.metric)}
        native = {name.removesuffix("_bucket") for name in names if name.endswith("_bucket")}
        found += bool(native)
        left = {s.metric for s in promql.selectors(each.in_window("5m", native))}
        assert not [name for name in left if name and name.endswith("_bucket")], each.name
    assert found > 5
