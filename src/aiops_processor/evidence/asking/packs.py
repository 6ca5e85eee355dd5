"""Query packs: questions worth asking about an alert with certain labels, as data."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from aiops_processor.errors import ConfigError, QueryError
from aiops_processor.evidence.rows.entities import ENTITY_LABELS
from aiops_processor.models.base import Frozen
from aiops_processor.problems import problems
from aiops_processor.query import logql, matchers, promql
from aiops_processor.query.native import of_native
from aiops_processor.text_file import read_text

NAME = r"^[a-z][a-z0-9_]*$"
LONG = 5
"""Words so long are looked for inside of others, too: `postgres` in `mypostgresdb`."""

_NAMING = ("alertname", "component", "job", "service")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTS = re.compile(r"[^A-Za-z0-9]+")


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

    def in_window(self, window: str, native: Collection[str] = ()) -> str:
        """The expression with the range of its rates, asked of those histograms that are `native` as they want it."""
        expr = _with_window(self.expr, window)
        return of_native(expr, native) if native else expr

    def names_one(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels narrow the query to one entity, not only to a namespace or job."""
        ours = {each if isinstance(each, str) else next(iter(each)) for each in self.match}
        return any(labels.get(name) for name in ours & set(ENTITY_LABELS))

    def narrowed(self, labels: Mapping[str, str], window: str, native: Collection[str] = ()) -> str:
        """The query about the thing that these labels name."""
        pairs = [(each, each) if isinstance(each, str) else next(iter(each.items())) for each in self.match]
        equal = {theirs: labels[ours] for ours, theirs in pairs if labels.get(ours)}
        return promql.inject(self.in_window(window, native), equal)


class PackLogs(Frozen):
    """One log query of a pack: a selector and whatever LogQL lets follow it, but no metric."""

    name: str = Field(pattern=NAME)
    title: str
    expr: str

    @field_validator("expr")
    @classmethod
    def _has_a_selector(cls, expr: str) -> str:
        try:
            logql.check_lines(expr)
        except QueryError as error:
            raise ValueError(str(error)) from None
        return expr


class Pack(Frozen):
    """Queries for alerts that carry all labels of `needs`, that the matchers `when` fit and, where it is given, that
    say a word of `about`; one of the three.

    `own` packs are an operator's: they are asked first, and whether we would think it worth asking or not.

    `about` is looked for in what names the alert: its name, its labels `component`, `job` and `service`, and the
    metrics of its rule; upper and lower case alike. Short words must begin a word there: `net` is not `kubernetes`.
    """

    pack: str = Field(pattern=NAME)
    needs: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    queries: tuple[PackQuery, ...] = ()
    logs: tuple[PackLogs, ...] = ()
    own: bool = Field(default=False, exclude=True)

    @field_validator("when")
    @classmethod
    def _are_matchers(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            matchers.parse_all(texts)
        except QueryError as error:
            raise ValueError(str(error)) from None
        return texts

    @model_validator(mode="after")
    def _is_for_some_alerts(self) -> "Pack":
        if not self.needs and not self.about and not self.when:
            raise ValueError("give `needs`, `about` or `when`: these queries are not worth asking about every alert")
        if not self.queries and not self.logs:
            raise ValueError("give `queries`, `logs` or both")
        return self

    @cached_property
    def _matchers(self) -> tuple[matchers.Matcher, ...]:
        return matchers.parse_all(self.when)

    def fits(self, labels: Mapping[str, str], metrics: Collection[str] = ()) -> bool:
        """Whether its questions are worth asking about an alert with these labels, whose rule reads these metrics."""
        if not all(labels.get(name) for name in self.needs) or not matchers.fit(self._matchers, labels):
            return False
        names = " ".join((*(labels.get(name, "") for name in _NAMING), *metrics))
        return not self.about or any(_says(names, word.lower()) for word in self.about)


def built_in() -> tuple[Pack, ...]:
    """The packs that come with the package."""
    return load(Path(__file__).parent / "packs")


def load(folder: Path) -> tuple[Pack, ...]:
    """Every *.yaml of a folder, sorted by name. Raises ConfigError, which names file and field."""
    return tuple(_pack(path) for path in sorted(folder.glob("*.yaml")))


def of_files(files: Iterable[Path]) -> tuple[Pack, ...]:
    """An operator's own packs. Raises ConfigError, which names file and field."""
    return tuple(_pack(path).model_copy(update={"own": True}) for path in files)


def fitting(packs: Sequence[Pack], labels: Mapping[str, str], metrics: Collection[str] = ()) -> list[Pack]:
    """The packs for an alert: an operator's first, then those that ask for certain words, for they are more special."""
    found = [pack for pack in packs if pack.fits(labels, metrics)]
    return sorted(found, key=lambda pack: (not pack.own, not pack.about, -len(pack.needs), pack.pack))


def _pack(path: Path) -> Pack:
    try:
        return Pack.model_validate(yaml.safe_load(read_text(path, "query pack")))
    except yaml.YAMLError as error:
        raise ConfigError(f"query pack {path.name}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ConfigError(f"query pack {path.name}: {problems(error, Pack)}") from None


def _says(names: str, word: str) -> bool:
    if len(word) >= LONG:
        return word in names.lower()
    words = _PARTS.sub(" ", _CAMEL.sub(" ", names)).lower()
    return f" {word}" in f" {words}"


def _with_window(expr: str, window: str) -> str:
    return re.sub(r"\$window\b", window, expr)
