"""From settings to actions: what is done about incidents, by whom it may be let happen, and where it may reach."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from aiops_processor.clients.endpoint import parsed
from aiops_processor.clients.outbound import Outbound
from aiops_processor.clients.slack import Handle, SlackSocket
from aiops_processor.clock import Clock
from aiops_processor.errors import ConfigError
from aiops_processor.masking import Mask
from aiops_processor.models.action import ActionOccasion
from aiops_processor.parts.closing import Keep, keeping_none
from aiops_processor.parts.option_files import with_files
from aiops_processor.plugins import Action, Door
from aiops_processor.plugins.aside import aside
from aiops_processor.plugins.guard import Fault
from aiops_processor.query import matchers
from aiops_processor.services.acting.actions import Acts, Configured
from aiops_processor.settings import ActionSettings, Settings

SILENCE = "silence"
_OF_A_SOURCE = ("url", "token", "username", "password", "ca_file", "cert_file", "key_file", "tenant", "headers")


def acts(
    settings: Settings,
    gate: Outbound,
    mask: Mask | None,
    plugins: Door,
    fault: Callable[[Fault], None] = lambda _: None,
    keep: Keep = keeping_none,
) -> Acts:
    """The configured actions; none in shadow mode. `fault` hears what a plugin does wrong.

    Raises ConfigError and PluginError.
    """

    def opened(name: str, kind: str, options: Mapping[str, Any]) -> Action:
        action: Action = aside("action", name, plugins.make("action", kind, options), fault)
        keep(action)
        return action

    wanted = () if settings.aiops.shadow else settings.actions
    made = {each.name: replace(_configured(each, settings, gate, plugins, opened), fault=fault) for each in wanted}
    return Acts(made, settings.aiops.external_url, mask)


def slack_sockets(settings: Settings, handle: Handle, clock: Clock, gate: Outbound) -> tuple[SlackSocket, ...]:
    """The connection to Slack for those behind a firewall, where its token is set. Raises ConfigError."""
    slack = settings.slack
    if not slack.app_token:
        return ()
    address = parsed(slack.api_url)
    if gate.allow and (reason := gate.refusal(address.host if address else slack.api_url)):
        raise ConfigError(f"SLACK_API_URL: {reason}")
    return (SlackSocket(slack.api_url, slack.app_token, handle, clock),)


def _configured(
    given: ActionSettings,
    settings: Settings,
    gate: Outbound,
    plugins: Door,
    opened: Callable[[str, str, Mapping[str, Any]], Action],
) -> Configured:
    plugin = plugins.load("action", given.kind)
    options = _options(given, plugin, settings)
    address = parsed(str(options.get("url", "")))
    if gate.allow and address is not None and address.host and (reason := gate.refusal(address.host)):
        raise ConfigError(f"action {given.name}: {reason}")
    tells = getattr(plugin, "only_tells", False)
    approval = not tells if given.approval is None else given.approval
    if (approval or not given.on) and not given.dry_run and not given.approvers:
        raise ConfigError(
            f"action {given.name}: nobody could let it happen; name `approvers`, or set `approval: false`"
        )
    return Configured(
        name=given.name,
        action=opened(given.name, given.kind, options),
        on=frozenset(map(ActionOccasion, given.on)),
        matchers=matchers.parse_all(given.match),
        dry_run=given.dry_run,
        approval=approval,
        approvers=given.approvers,
        seconds=given.timeout_seconds,
        plan_seconds=min(settings.plugins.seconds, given.timeout_seconds / 2),
    )


def _options(given: ActionSettings, plugin: Any, settings: Settings) -> Mapping[str, Any]:
    """The options, each `NAME_file` replaced by what the file holds. Raises ConfigError."""
    form = getattr(plugin, "Options", None)
    known = form.model_fields if form else {}
    found = with_files(plugin, given.options, f"action {given.name}")
    if given.kind == SILENCE and "url" not in found and settings.alertmanager.url:
        return {**_of_source(settings), **found}
    return {**_default(known, "url"), **found}


def _default(known: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """The option's own default where it has one, so that it meets the gate, too."""
    default = known[name].default if name in known else None
    return {name: default} if isinstance(default, str) else {}


def _of_source(settings: Settings) -> Mapping[str, Any]:
    """The Alertmanager of the settings as options."""
    found = {name: getattr(settings.alertmanager, name) for name in _OF_A_SOURCE}
    return {name: value for name, value in found.items() if isinstance(value, SecretStr) or value}
