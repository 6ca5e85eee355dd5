"""`aiops plugins`: which plugins there are, where each comes from, and whether it is on."""

from collections.abc import Iterator

import typer

from aiops_processor import config, parts
from aiops_processor.evidence.asking import packs
from aiops_processor.parts import plugging
from aiops_processor.plugins.door import Listed
from aiops_processor.settings import Settings


def plugins() -> None:
    """List the plugins: on or off, kind and name, from where. Each that is on is loaded, and what is wrong told."""
    settings = config.load()
    door = plugging.door(settings)
    plugged = plugging.plugged(settings, door)
    channels = parts.channels(settings, plugged)
    for on, key, origin in (*_code(settings, door.listed(), set(channels)), *_data(settings, plugged)):
        typer.echo(f"{on:<8}  {key:<32}  {origin}")
    typer.echo(_folder(settings), err=True)


def _folder(settings: Settings) -> str:
    """Where plugins of one's own are looked for: one that lies elsewhere is not seen, and nothing else says so."""
    if settings.plugins.folder:
        return f"plugins folder: {settings.plugins.folder}"
    return "no plugins folder: set AIOPS_CONFIG to a file that has a folder `plugins` beside it, or PLUGINS_FOLDER"


def _code(settings: Settings, listed: list[Listed], channels: set[str]) -> Iterator[tuple[str, str, str]]:
    own = {each.key for each in listed if each.in_folder}
    for each in listed:
        if each.key in own and not each.in_folder:
            yield "replaced", each.key, each.origin
        else:
            on = plugging.is_on(each, settings, channels)
            if each.kind == "notifier":  # one with the name of ours is on when ours would be
                on = on and each.name in channels
            yield "on" if on else "off", each.key, each.origin


def _data(settings: Settings, plugged: plugging.Plugged) -> Iterator[tuple[str, str, str]]:
    """What is no code: query packs and texts for the model."""
    for file, pack in zip(plugged.packs, packs.of_files(plugged.packs), strict=True):
        yield "on", f"pack.{pack.pack}", str(file)
    folder = plugging.prompts(settings)
    for file in sorted(folder.rglob("*")) if folder else ():
        if file.is_file():
            yield "off" if settings.llm.prompts else "on", f"prompt.{file.relative_to(folder or file)}", str(file)
