"""Links that open a query where a person can go on with it.

Grafana's own form, read from its source (public/app/features/explore/hooks/useStateSync): since 10 `schemaVersion=1`
with `panes`, whose names are three characters; until 9 `left`. One address carries both, for each reads its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from aiops_processor.models.evidence import Window

_PANE = "aio"


@dataclass(frozen=True)
class Links:
    """Where people reach them; "" where they cannot. The `uid`s are those of the data sources in Grafana (or names)."""

    prometheus_url: str = ""
    grafana_url: str = ""
    loki_url: str = ""
    prometheus_uid: str = "prometheus"
    loki_uid: str = "loki"

    def promql(self, query: str, window: Window) -> str:
        """The query in Prometheus's own graph page over the window, "" where no address is known."""
        if not self.prometheus_url:
            return ""
        span = max(60, int((window.end - window.start).total_seconds()))
        ends = window.end.strftime("%Y-%m-%d %H:%M:%S")
        fields = {"g0.expr": query, "g0.tab": "0", "g0.range_input": f"{span}s", "g0.end_input": ends}
        return f"{self.prometheus_url.rstrip('/')}/graph?{urlencode(fields)}"

    def explored(self, query: str, window: Window) -> str:
        """The PromQL query in Grafana Explore over the window, "" where Grafana or its data source is not known."""
        if not self.grafana_url or not self.prometheus_uid:
            return ""
        return self._explore("prometheus", self.prometheus_uid, {"expr": query, "range": True}, window)

    def logql(self, query: str, window: Window) -> str:
        """The LogQL query in Grafana Explore over the window, "" where no address is known.

        Loki has no page of its own: without Grafana the link is the answer of its API.
        """
        if self.grafana_url and self.loki_uid:
            return self._explore("loki", self.loki_uid, {"expr": query, "queryType": "range"}, window)
        return self._loki_answer(query, window) if self.loki_url else ""

    def _explore(self, kind: str, uid: str, query: Mapping[str, str | bool], window: Window) -> str:
        asked = {"refId": "A", "datasource": {"type": kind, "uid": uid}, "editorMode": "code", **query}
        times = {"from": _milliseconds(window.start), "to": _milliseconds(window.end)}
        pane = {"datasource": uid, "queries": [asked], "range": times}
        fields = {"schemaVersion": "1", "panes": _compact({_PANE: pane}), "left": _compact(pane)}
        return f"{self.grafana_url.rstrip('/')}/explore?{urlencode(fields)}"

    def _loki_answer(self, query: str, window: Window) -> str:
        fields = {"query": query, "start": window.start.isoformat(), "end": window.end.isoformat()}
        return f"{self.loki_url.rstrip('/')}/loki/api/v1/query_range?{urlencode(fields)}"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
