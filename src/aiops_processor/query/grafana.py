"""Grafana's own variables in expressions: they stand where Prometheus wants a duration or a number."""

import re

RANGE = "5m"
"""What a range that Grafana would fill in is read with: four scrapes fit in, up to one scrape in 75 s."""

_DURATION = re.compile(r"\$\{__(?:rate_interval|interval|range)(?::\w+)?\}|\$__(?:rate_interval|interval|range)\b")
_MILLISECONDS = re.compile(r"\$\{__(?:interval|range)_ms(?::\w+)?\}|\$__(?:interval|range)_ms\b")
_SECONDS = re.compile(r"\$\{__range_s(?::\w+)?\}|\$__range_s\b")


def filled_in(expr: str) -> str:
    """The expression with Grafana's time variables replaced; other variables stay, and are no PromQL.

    Source: https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/#global-variables
    """
    return _DURATION.sub(RANGE, _MILLISECONDS.sub("300000", _SECONDS.sub("300", expr)))
