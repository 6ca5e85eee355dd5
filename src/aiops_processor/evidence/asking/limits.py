"""How much one incident's evidence may cost its sources, and how much of it is kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one gathering, the same for every system.

    `seconds` is for everything together; discovery may use half of it, so that a hanging index does not keep samples
    from being read. `concurrency` is per source, and so are `questions` and `octets` (of answers): past them nothing
    more is asked. `discovered` bounds label sets, `series` those whose samples are read, `summed` those that Prometheus
    adds up where there are more, `evaluated` series times steps of one question, and `samples` what it reads of them in
    all (above either its steps are wider; Prometheus itself holds so many samples of one query), `columns` the cells of
    the grid, `rules` and `rule_queries` what a storm may ask of its rules, `log_lines` the lines of one question,
    `points` those of a chart, `findings_per_kind` how many metrics, log lines and changes are kept for one entity.
    """

    seconds: float = 10.0
    concurrency: int = 8
    baseline_minutes: float = 15.0
    questions: int = 60
    octets: int = 100_000_000
    discovered: int = 5_000
    series: int = 1_000
    summed: int = 10_000
    evaluated: int = 500_000
    samples: int = 50_000_000
    columns: int = 720
    rules: int = 8
    rule_queries: int = 16
    pack_queries: int = 8
    streams: int = 200
    log_lines: int = 1_000
    findings: int = 20
    findings_per_kind: int = 3
    points: int = 120
