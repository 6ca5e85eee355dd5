"""Label sets as sorted tuples of pairs: hashable, so that grouping and matching are dictionary look-ups."""

from collections.abc import Callable, Collection, Iterable, Mapping

Labels = tuple[tuple[str, str], ...]

NAME = "__name__"


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """Sorted by name; an empty value is the same as no label, in Prometheus and in Loki."""
    return tuple(sorted((name, value) for name, value in mapping.items() if value))


def without(labels: Labels, names: Collection[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def only(labels: Labels, names: Collection[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in names)


def unnamed(labels: Labels) -> Labels:
    """Without the metric's name, as after every function that changes what the number means."""
    return tuple(pair for pair in labels if pair[0] != NAME)


def value_of(labels: Labels, name: str) -> str:
    """The label's value, or the empty string."""
    return next((value for key, value in labels if key == name), "")


def written(labels: Labels) -> str:
    """As Prometheus and Loki write a label set in their messages: `{a="1", b="x\\"y"}`."""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"


def quoted(text: str) -> str:
    """In double quotes, escaped as Go's `%q` does for the characters that occur in labels."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def grouped_rows(rows: Iterable[int], key: Callable[[int], Labels]) -> dict[Labels, list[int]]:
    """Row numbers by key, in order of first appearance."""
    groups: dict[Labels, list[int]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
