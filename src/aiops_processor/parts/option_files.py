"""Options whose values stand in files: secrets of channels, actions and plugins, as those of the settings."""

from collections.abc import Mapping
from typing import Any

from aiops_processor.settings.section import secret_file


def with_files(plugin: Any, options: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The options, each `NAME_file` replaced by NAME with what the file holds. Raises ConfigError, which says `what`.

    Only where the plugin has an option NAME, and none that is called `NAME_file` itself.
    """
    form = getattr(plugin, "Options", None)
    known = form.model_fields if form else {}
    found = dict(options)
    for name, path in options.items():
        option = name.removesuffix("_file")
        if name not in known and option in known and isinstance(path, str):
            del found[name]
            found[option] = secret_file(f"{what}: {name}", path)
    return found
