"""Feature flags that were switched around the alert, as evidence. flags.csv has lines of `time,flag,service`."""

import csv
from datetime import datetime
from pathlib import Path

from aiops_processor.plugins import Finding, plugin

FLAGS = Path(__file__).with_name("flags.csv")


@plugin("source")
def feature_flags(alerts, window):
    lines = FLAGS.read_text().splitlines() if FLAGS.exists() else []
    rows = [(datetime.fromisoformat(at), *rest) for at, *rest in csv.reader(lines)]
    said = [(at, f"flag {flag} was switched at {at:%H:%M:%S} UTC", service) for at, flag, service in rows]
    during = [each for each in said if window.start <= each[0] <= window.end]
    return [Finding(kind="change", statement=text, entity=service, at=at) for at, text, service in during]
