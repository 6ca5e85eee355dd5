"""Links that open a query where a person can go on with it."""

import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from aiops_processor.models.evidence import Window


@dataclass(frozen=True)
class Links:
    """Where people reach them; "" where they cannot. `loki_uid` is Loki's data source in Grafana."""

    prometheus_url: str = ""
    grafana_url: str = ""
    loki_uid: str = "loki"
    loki_url: str = ""

    def promql(self, query: str, window: Window) -> str:
        """The query in Prometheus's own graph page over the window, "" where no address is known."""
        if not self.prometheus_url:
            return ""
        span = max(60, int((window.end - window.start).total_seconds()))
        ends = window.end.strftime("%Y-%m-%d %H:%M:%S")
        fields = {"g0.expr": query, "g0.tab": "0", "g0.range_input": f"{span}s", "g0.end_input": ends}
        return f"{self.prometheus_url.rstrip('/')}/graph?{urlencode(fields)}"

    def logql(self, query: str, window: Window) -> str:
        """The query in Grafana Explore over the window, "" where no address is known.

        Loki has no page of its own: without Grafana the link is the answer of its API.
        """
        if not self.grafana_url:
            return self._loki_answer(query, window) if self.loki_url else ""
        pane = {
            "datasource": self.loki_uid,
            "queries": [{"refId": "A", "expr": query}],
            "range": {"from": _milliseconds(window.start), "to": _milliseconds(window.end)},
        }
        fields = {"schemaVersion": "1", "panes": json.dumps({"a": pane}, separators=(",", ":"))}
        return f"{self.grafana_url.rstrip('/')}/explore?{urlencode(fields)}"

    def _loki_answer(self, query: str, window: Window) -> str:
        fields = {"query": query, "start": window.start.isoformat(), "end": window.end.isoformat()}
        return f"{self.loki_url.rstrip('/')}/loki/api/v1/query_range?{urlencode(fields)}"


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
