"""What differs between the Prometheus versions that recordings come from."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version counts.

    `left_open`: since 3.0 a sample exactly at a window's left border is outside.
    `capped_extrapolation`: since 2.52 `rate` caps its reach at the counter's zero after the sparse-sample rule.
    `tolerant_buckets`: since 2.48 `histogram_quantile` ignores differences of 1e-12 between buckets.
    `notes`: where remarks about a query stand in an answer: nowhere (2.42), in `warnings` (2.49), in `infos` (3.0).
    """

    left_open: bool
    capped_extrapolation: bool
    tolerant_buckets: bool
    notes: str

    @classmethod
    def of(cls, version: str) -> "Dialect":
        """The dialect of a version such as `2.42` or `v3.5.0+ds`; of an unknown one, that of 2.42."""
        match = re.search(r"(\d+)\.(\d+)", version)
        number = [int(part) for part in match.groups()] if match else [2, 42]
        return cls(
            left_open=number >= [3, 0],
            capped_extrapolation=number >= [2, 52],
            tolerant_buckets=number >= [2, 48],
            notes="infos" if number >= [3, 0] else "warnings" if number >= [2, 49] else "",
        )
