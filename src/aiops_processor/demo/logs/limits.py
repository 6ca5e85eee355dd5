"""What a Loki takes and answers at most; every server is set up otherwise.

Names and usual values: https://grafana.com/docs/loki/latest/configure/#limits_config.
"""

from dataclasses import dataclass

from aiops_processor.demo.logs.tokens import LogQLError

KIB = 1024
UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit. `tenants`: who asks must say for which (`X-Scope-OrgID`).

    `bytes_a_second` are taken of pushed lines, of a push up to `burst_bytes`. Times are in seconds.
    """

    tenants: bool = False
    entries: int = 5000
    query_seconds: int = 30 * 86_400 + 3600
    query_bytes: int | None = None
    series: int = 500
    oldest_seconds: int | None = None
    structured_metadata: bool = True
    streams: int | None = None
    bytes_a_second: int | None = None
    burst_bytes: int = 0

    def check_entries(self, number: int) -> None:
        """Only log queries have a limit of entries. Raises LogQLError."""
        if number > self.entries:
            raise LogQLError(
                f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({number} > {self.entries})"
            )

    def check_length(self, seconds: int) -> None:
        """Of the time that is asked about. Raises LogQLError."""
        if seconds > self.query_seconds:
            length = f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s"
            limit = _duration(self.query_seconds)
            raise LogQLError(f"the query time range exceeds the limit (query length: {length}, limit: {limit})")

    def check_bytes(self, size: int) -> None:
        """Of the streams that the query's selectors match. Raises LogQLError."""
        if self.query_bytes is not None and size > self.query_bytes:
            raise LogQLError(
                f"the query would read too many bytes (query: {_size(size)}, limit: {_size(self.query_bytes)}); "
                "consider adding more specific stream selectors or reduce the time range of the query"
            )

    def check_series(self, number: int) -> None:
        """Of a metric query's answer. Raises LogQLError."""
        if number > self.series:
            raise LogQLError(
                f"maximum number of series ({self.series}) reached for a single query; consider reducing query "
                "cardinality by adding more specific stream selectors, reducing the time range, or aggregating "
                "results with functions like sum(), count() or topk()"
            )


def _duration(seconds: int) -> str:
    """As Prometheus writes durations: `30d1h`."""
    written = ""
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def _size(size: int) -> str:
    """As Go's humanize writes bytes: `2.3 MiB`, `20 KiB`."""
    number, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < KIB:
            break
        number, unit = number / KIB, larger
    return f"{number:.1f} {unit}" if number < 10 and unit != "B" else f"{number:.0f} {unit}"
