"""Options of plugins may stand in files, wherever options are given."""

from pathlib import Path
from typing import Any

import pytest

from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.parts import channels, model, plugged
from aiops_processor.parts.option_files import with_files
from aiops_processor.parts.plugging import door
from aiops_processor.plugins import Options
from aiops_processor.settings import Settings

PLUGINS = """
from pydantic import SecretStr
from aiops_processor.plugins import Options, plugin

class Keyed:
    class Options(Options):
        key: SecretStr
        key_file_name: str = ""

    name, prompt_tokens = "mine", 8000

    def __init__(self, options): self.key = options.key.get_secret_value()
    async def aclose(self): ...

@plugin("notifier")
class Pager(Keyed):
    async def send(self, message, key, previous): ...

@plugin("model")
class Own(Keyed):
    async def ask(self, system, question): ...
"""


class Plugin:
    class Options(Options):
        token: str
        ca_file: str = ""


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "key").write_text("s3cret\n")
    return str(tmp_path / "key")


def settings_with(folder: Path, **settings: Any) -> Settings:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "mine.py").write_text(PLUGINS)
    plugins = {"folder": str(folder / "plugins"), **settings.pop("plugins", {})}
    return Settings.model_validate({"plugins": plugins, **settings})


def test_a_file_s_content_stands_in_the_place_of_its_path(secret: str) -> None:
    assert with_files(Plugin, {"token_file": secret, "ca_file": secret}, "x") == {"token": "s3cret", "ca_file": secret}
    assert with_files(Plugin, {"tokens_file": secret, "token_file": 7}, "x") == {"tokens_file": secret, "token_file": 7}
    assert with_files(object, {"token_file": secret}, "x") == {"token_file": secret}


def test_a_file_that_cannot_be_read_is_named_with_its_option(secret: str) -> None:
    with pytest.raises(ConfigError, match=rf"^plugins.options x.y: token_file: {secret}x cannot be read"):
        with_files(Plugin, {"token_file": f"{secret}x"}, "plugins.options x.y")


def test_a_channel_and_a_model_of_the_folder_have_their_keys_in_files(tmp_path: Path, secret: str) -> None:
    options = {name: {"key_file": secret} for name in ("notifier.pager", "model.own")}
    settings = settings_with(tmp_path, plugins={"options": options}, llm={"provider": "own"})
    pager: Any = channels(settings)["pager"]
    lineup: Any = model(settings)
    assert (pager.key, lineup.candidates[0].model._model.key) == ("s3cret", "s3cret")
    assert "s3cret" not in repr(settings)


def test_one_of_the_list_of_channels_has_it_too(tmp_path: Path, secret: str) -> None:
    several = [{"name": name, "kind": "pager", "options": {"key_file": secret}} for name in ("day", "night")]
    made: Any = channels(settings_with(tmp_path, channels=several))
    assert (made["day"].key, made["night"].key) == ("s3cret", "s3cret")


def test_a_plugin_s_missing_file_is_an_error_of_the_settings(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, plugins={"options": {"notifier.pager": {"key_file": "/no"}}})
    with pytest.raises(AiopsError, match=r"^plugins.options notifier.pager: key_file: /no cannot be read"):
        plugged(settings, door(settings))
