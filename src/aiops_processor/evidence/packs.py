"""Query packs: questions worth asking about an alert with certain labels, as data."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator

from aiops_processor.errors import ConfigError, QueryError
from aiops_processor.models.base import Frozen
from aiops_processor.query import promql

NAME = r"^[a-z][a-z0-9_]*$"


class PackQuery(Frozen):
    """One query of a pack. `$window` in `expr` is the range of a rate.

    `match` names the alert's labels that are injected into every selector, as `label` or, where the metric has
    another name for it, as `alert_label: metric_label`. Values get in through the parser only.
    """

    name: str = Field(pattern=NAME)
    title: str
    expr: str
    match: tuple[str | dict[str, str], ...] = ()
    unit: str = ""

    @field_validator("expr")
    @classmethod
    def _parses(cls, expr: str) -> str:
        try:
            promql.parse(_with_window(expr, "5m"))
        except QueryError as error:
            raise ValueError(str(error)) from None
        return expr

    def in_window(self, window: str) -> str:
        """The expression with the range of its rates."""
        return _with_window(self.expr, window)

    def narrowed(self, labels: Mapping[str, str], window: str) -> str:
        """The query about the thing that these labels name."""
        pairs = [(each, each) if isinstance(each, str) else next(iter(each.items())) for each in self.match]
        equal = {theirs: labels[ours] for ours, theirs in pairs if labels.get(ours)}
        return promql.inject(self.in_window(window), equal)


class Pack(Frozen):
    """Queries for alerts that carry all labels of `needs` and, where it is given, a word of `about`.

    `about` is looked for in the alert's name and its `component` label, upper and lower case alike.
    """

    pack: str = Field(pattern=NAME)
    needs: tuple[str, ...] = Field(min_length=1)
    about: tuple[str, ...] = ()
    queries: tuple[PackQuery, ...] = Field(min_length=1)

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether its questions are worth asking about an alert with these labels."""
        text = f"{labels.get('alertname', '')} {labels.get('component', '')}".lower()
        wanted = not self.about or any(word.lower() in text for word in self.about)
        return wanted and all(labels.get(name) for name in self.needs)


def built_in() -> tuple[Pack, ...]:
    """The packs that come with the package."""
    return load(Path(__file__).parent / "packs")


def load(folder: Path) -> tuple[Pack, ...]:
    """Every *.yaml of a folder, sorted by name. Raises ConfigError, which names file and field."""
    return tuple(_pack(path) for path in sorted(folder.glob("*.yaml")))


def fitting(packs: Sequence[Pack], labels: Mapping[str, str]) -> list[Pack]:
    """The packs for an alert; those that ask for certain words first, for they are the more special."""
    found = [pack for pack in packs if pack.fits(labels)]
    return sorted(found, key=lambda pack: (not pack.about, -len(pack.needs), pack.pack))


def _pack(path: Path) -> Pack:
    try:
        return Pack.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ConfigError(f"query pack {path.name}: not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigError(f"query pack {path.name}: {problems}") from None


def _with_window(expr: str, window: str) -> str:
    return re.sub(r"\$window\b", window, expr)
