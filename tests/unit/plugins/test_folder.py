"""What is found in a plugins folder, and what is said of files that are wrong."""

from pathlib import Path
from textwrap import dedent

import pytest

from aiops_processor.errors import PluginError
from aiops_processor.plugins import Door, patience
from aiops_processor.plugins.folder import Folder

FILTER = """
    from aiops_processor.plugins import plugin

    @plugin("filter")
    def no_tests(alert, now):
        return "a test" if alert.labels.get("environment") == "test" else None
"""
WITH_OPTIONS = """
    from pydantic import BaseModel, ConfigDict
    from aiops_processor.plugins import plugin

    @plugin("filter")
    class ByTeam:
        class Options(BaseModel):
            model_config = ConfigDict(extra="forbid")
            team: str

        def __init__(self, options):
            self.team = options.team

        def __call__(self, alert, now):
            return None
"""


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text))
    return folder


def test_marked_functions_and_classes_are_found_under_their_names(tmp_path: Path) -> None:
    door = Door(Folder(put(tmp_path, tests=FILTER, team=WITH_OPTIONS, _shared="raise SystemExit")))
    assert [(each.kind, each.name, Path(each.origin).name) for each in door.listed() if each.in_folder] == [
        ("filter", "by_team", "team.py"),
        ("filter", "no_tests", "tests.py"),
    ]
    assert door.make("filter", "by_team", {"team": "shop"}).team == "shop"
    assert {"by_team", "no_tests", "ignore"} <= set(door.names("filter"))


def test_packs_are_found(tmp_path: Path) -> None:
    for name in ("shop.yaml", "_old.yaml", "bank.yml", "_old.yml"):
        (tmp_path / name).touch()
    assert Folder(tmp_path).packs == (tmp_path / "bank.yml", tmp_path / "shop.yaml")


def test_a_changed_file_is_seen_when_it_is_read_again(tmp_path: Path) -> None:
    Folder(put(tmp_path, tests=FILTER))
    changed = Folder(put(tmp_path, tests=FILTER.replace("no_tests", "no_trials")))
    assert [each.mark.name for each in changed.plugins] == ["no_trials"]


def test_the_folder_goes_before_what_is_installed(tmp_path: Path) -> None:
    own = """
        from aiops_processor.notifiers.log import LogNotifier
        from aiops_processor.plugins import plugin

        @plugin("notifier", name="log")
        class Louder(LogNotifier): ...
    """
    door = Door(Folder(put(tmp_path, louder=own)))
    assert type(door.make("notifier", "log", {})).__name__ == "Louder"
    assert type(Door().make("notifier", "log", {})).__name__ == "LogNotifier"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 +", r"tests\.py cannot be imported: SyntaxError"),
        ("raise SystemExit(3)", r"tests\.py cannot be imported \(line 1\): SystemExit: 3"),
        ("x = 1", r"tests\.py holds no plugin: mark one with @plugin"),
        ("\nx = 1 / 0", r"tests\.py cannot be imported \(line 2\): ZeroDivisionError"),
        (FILTER.replace("(alert, now)", "(alert)"), r"tests\.py: filter no_tests: takes \(alert\); the right form is"),
        (FILTER.replace('"filter"', '"fliter"'), r"tests\.py \(line \d\): .*no kind .* called 'fliter'; known: filter"),
        (FILTER.replace('("filter")', ""), r'@plugin has to say of which kind it is, as @plugin\("filter"\)'),
        (FILTER.replace('"filter"', '"filter", name="A b"'), "a name has small letters"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        Folder(put(tmp_path, tests=text))


def test_two_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"two plugins are called filter\.no_tests: in .*a\.py and in .*b\.py"):
        Folder(put(tmp_path, a=FILTER, b=FILTER))


def test_a_file_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LOAD_SECONDS", 0.05)
    waits = "import threading\nthreading.Event().wait()"
    with pytest.raises(PluginError, match="was not imported within"):
        Folder(put(tmp_path, tests=waits))


def test_one_whose_making_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = WITH_OPTIONS.replace("self.team = options.team", "__import__('threading').Event().wait()")
    door = Door(Folder(put(tmp_path, team=waits)))
    monkeypatch.setattr(patience, "LOAD_SECONDS", 0.05)
    with pytest.raises(PluginError, match=r"filter by_team was not made within 0\.05 s: its __init__ waits"):
        door.make("filter", "by_team", {"team": "shop"})


@pytest.mark.parametrize(
    "which", ["", "tests.py", "mine.yaml", "prompts", "prompts/company.md", "shared", "shared/own.py"]
)
def test_what_everybody_may_write_to_is_refused_with_the_remedy(tmp_path: Path, which: str) -> None:
    put(tmp_path, tests=FILTER)
    for each in ("prompts", "shared"):
        (tmp_path / each).mkdir()
    for file in ("mine.yaml", "prompts/company.md", "shared/own.py"):
        (tmp_path / file).touch()
    Folder(tmp_path)
    (tmp_path / which).chmod(0o777)
    with pytest.raises(PluginError, match=rf"chmod o-w {tmp_path / which}"):
        Folder(tmp_path)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"PLUGINS_FOLDER: .*nowhere is no folder"):
        Folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("by_team", {"teem": 1}, r"filter by_team: .*teem.*known options: team"),
        ("no_tests", {"team": "a"}, "filter no_tests takes no options, not team"),
        ("by_name", {}, "no filter is called 'by_name'; known: .*by_team"),
    ],
)
def test_wrong_options_and_names_are_told_the_known_ones(
    tmp_path: Path, name: str, options: dict[str, object], said: str
) -> None:
    door = Door(Folder(put(tmp_path, tests=FILTER, team=WITH_OPTIONS)))
    with pytest.raises(PluginError, match=said):
        door.make("filter", name, options)


def test_one_that_cannot_be_made_tells_nothing_of_its_options(tmp_path: Path) -> None:
    raises = WITH_OPTIONS.replace("self.team = options.team", "raise ValueError(options.team)")
    door = Door(Folder(put(tmp_path, team=raises)))
    with pytest.raises(PluginError) as raised:
        door.make("filter", "by_team", {"team": "hunter2"})
    assert str(raised.value) == "filter by_team cannot be made: ValueError"


def test_who_ends_us_while_a_file_is_imported_is_not_told_that_the_file_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        Folder(put(tmp_path, tests="raise KeyboardInterrupt"))


def test_files_share_what_stands_in_one_that_begins_with_an_underscore(tmp_path: Path) -> None:
    shared = (
        FILTER
        + """
    TEAM = "shop"
    """
    )
    mine = """
    from aiops_processor.plugins import plugin
    from ._shared import TEAM, no_tests

    @plugin("filter")
    def team(alert, now):
        return TEAM
    """
    door = Door(Folder(put(tmp_path, _shared=shared, mine=mine)))
    assert [each.name for each in door.listed() if each.in_folder] == ["team"], "what is shared is no plugin"
    assert door.make("filter", "team", {})(None, None) == "shop"
    put(tmp_path, _shared=shared.replace("shop", "books"))
    assert Door(Folder(tmp_path)).make("filter", "team", {})(None, None) == "books", "it is read anew, too"
    (tmp_path / "_shared.py").unlink()
    with pytest.raises(PluginError, match=r"mine.py cannot be imported \(line 3\): ModuleNotFoundError: .*_shared"):
        Folder(tmp_path)
