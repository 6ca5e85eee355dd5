"""What is wrong with something that a person wrote, in that person's words. Never its value: it may be a secret."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "tuple_type": "has to be a list",
    "list_type": "has to be a list",
    "dict_type": "has to be a mapping",
    "model_type": "has to be a mapping",
    "string_type": "has to be a text (in YAML in quotes, where it has { or : in it)",
    "value_error": "",
}
"""What pydantic says in Python's words, by its types of errors; "" is an error of ours, which says it itself."""


def problems(error: ValidationError, form: type[BaseModel] | None = None) -> str:
    """All of them in one line: `queries.0.expr: is missing; query is not known here, known: about, logs, …`.

    `form` is what was expected, for the known names: where it is not given, whoever asks says them.
    """
    return "; ".join(_problem(each, form) for each in error.errors(include_input=False))


def reason(error: Mapping[str, Any]) -> str:
    """What is wrong, without the place."""
    return _WORDS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def known(form: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """What may stand at this place of the form, sorted."""
    for part in path:
        field = form.model_fields.get(str(part))
        form = (_model_in(field.annotation) if field else None) or form
    return sorted(name for name, field in form.model_fields.items() if not field.exclude)


def _problem(error: Mapping[str, Any], form: type[BaseModel] | None) -> str:
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        names = f" here, known: {', '.join(known(form, error['loc'][:-1]))}" if form else ""
        return f"{place} is not known{names}"
    return f"{place}: {reason(error)}" if place else reason(error)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The form behind a field: `Form`, `Form | None` or a list of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
