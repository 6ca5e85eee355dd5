import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from aiops_processor.problems import known, problems


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    expr: str = ""

    @field_validator("expr")
    @classmethod
    def _is_good(cls, expr: str) -> str:
        if expr == "bad":
            raise ValueError("not PromQL")
        return expr


class Pack(BaseModel):
    model_config = ConfigDict(extra="forbid")

    when: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"query": []}, "query is not known here, known: queries, when"),
        ({"queries": [{"name": "a", "title": "t"}]}, "queries.0.title is not known here, known: expr, name"),
        ({"queries": [{"name": "a", "expr": "bad"}]}, "queries.0.expr: not PromQL"),
        ({"queries": [{}]}, "queries.0.name: is missing"),
        ({"when": "severity=info", "queries": {}}, "when: has to be a list; queries: has to be a list"),
        (
            {"queries": [{"name": {"a": 1}}]},
            "queries.0.name: has to be a text (in YAML in quotes, where it has { or : in it)",
        ),
        ({"queries": ["up"]}, "queries.0: has to be a mapping"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_whoever_wrote_it(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Pack.model_validate(given)
    assert problems(caught.value, Pack) == said


def test_without_a_form_the_known_names_are_left_to_the_caller() -> None:
    with pytest.raises(ValidationError) as caught:
        Query.model_validate({"name": "secret", "tittle": "secret"})
    assert problems(caught.value) == "tittle is not known"


def test_a_place_that_is_none_has_the_names_of_what_is_around_it() -> None:
    assert known(Pack, ("queries", 0, "nowhere")) == ["expr", "name"]
