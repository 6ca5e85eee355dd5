"""What rules call severe, in the four steps that PagerDuty has."""

STEPS = ("info", "warning", "error", "critical")
UNKNOWN = "error"  # somebody is asked to look rather than nobody

SEVERITIES = {
    **dict.fromkeys(("critical", "page", "emergency", "disaster", "fatal", "p1"), "critical"),
    **dict.fromkeys(("error", "high", "major", "p2"), "error"),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "p3"), "warning"),
    **dict.fromkeys(("info", "low", "notice", "debug", "none", "p4", "p5"), "info"),
}


def step(severity: str) -> str:
    """The step of a `severity` label, however its author wrote it."""
    return SEVERITIES.get(severity.strip().lower(), UNKNOWN)


def at_least(severity: str, least: str) -> bool:
    """Whether it is as severe as that step."""
    return STEPS.index(step(severity)) >= STEPS.index(least)
