"""A setting that was renamed works under its old name for a while, and says so."""

import warnings

import pytest

from aiops_processor.config import RENAMED, renamed_settings, renamed_variables, variables

TABLE = {"SLACK_URL": "SLACK_WEBHOOK_URL", "OLD_TOKEN": "API_TOKEN"}


def test_an_old_name_in_the_environment_is_read_and_warned_of() -> None:
    with pytest.warns(FutureWarning, match="SLACK_URL is called SLACK_WEBHOOK_URL now; the old name works until"):
        found = renamed_variables({"SLACK_URL": "x"}, TABLE)
    assert found["SLACK_WEBHOOK_URL"] == "x"
    with pytest.warns(FutureWarning, match="OLD_TOKEN_FILE is called API_TOKEN_FILE"):
        assert renamed_variables({"OLD_TOKEN_FILE": "/x"}, TABLE)["API_TOKEN_FILE"] == "/x"


@pytest.mark.parametrize("new", ["API_TOKEN", "API_TOKEN_FILE"])
def test_the_new_name_wins_without_a_word(new: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = renamed_variables({"OLD_TOKEN": "old", new: "new"}, TABLE)
    assert {name: value for name, value in found.items() if name.startswith("API")} == {new: "new"}


def test_an_old_name_in_the_file_is_moved_to_where_it_belongs() -> None:
    with pytest.warns(FutureWarning, match=r"slack\.url is called slack\.webhook_url") as said:
        found = renamed_settings({"slack": {"url": "x"}, "old": {"token": "t"}, "log": {"level": "info"}}, TABLE)
    assert found == {"slack": {"webhook_url": "x"}, "api": {"token": "t"}, "log": {"level": "info"}}
    assert len(said) == 2


def test_the_table_names_settings_that_there_are() -> None:
    known = {name for name, _ in variables()}
    assert set(RENAMED.values()) <= known
    assert not set(RENAMED) & known
