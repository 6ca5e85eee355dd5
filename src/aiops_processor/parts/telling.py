"""From settings to channels: the usual ones that have an address or a key, and those that the file names."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from aiops_processor.clients.outbound import Outbound
from aiops_processor.errors import ConfigError
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.parts.closing import Keep, keeping_none
from aiops_processor.parts.option_files import with_files
from aiops_processor.plugins import Door, Notifier
from aiops_processor.plugins.aside import aside
from aiops_processor.plugins.guard import Fault
from aiops_processor.query import matchers
from aiops_processor.services.telling.routing import Quiet, Route, Routing
from aiops_processor.settings import Settings
from aiops_processor.settings.channels import QuietSettings, RouteSettings

LOG = "log"


def channels(
    settings: Settings,
    gate: Outbound,
    plugins: Door,
    others: Mapping[str, Notifier] | None = None,
    fault: Callable[[Fault], None] = lambda _: None,
    keep: Keep = keeping_none,
) -> dict[str, Notifier]:
    """The configured channels by name; the log is always one, in shadow mode the only one. `others` are plugins' own,
    made and kept already. `fault` hears what a plugin does wrong.

    Raises PluginError for a wrong option, ConfigError for one that is missing or leads where `gate` lets nobody go.
    """

    def opened(name: str, kind: str, options: Mapping[str, Any]) -> Notifier:
        channel: Notifier = aside("notifier", name, plugins.make("notifier", kind, options), fault)
        keep(channel)
        return channel

    made = {LOG: opened(LOG, LOG, {})}
    if settings.aiops.shadow:
        return made
    for name, setting, options in _usual(settings):
        made[name] = _let_through(opened(name, name, options), setting, gate)
    for each in settings.channels:
        if each.name in made:
            raise ConfigError(f"channels: there are two that are called {each.name}")
        options = with_files(plugins.load("notifier", each.kind), each.options, f"channel {each.name}")
        made[each.name] = _let_through(opened(each.name, each.kind, options), f"channel {each.name}", gate)
    for name, channel in (others or {}).items():
        if name in made:
            raise ConfigError(f"channels: {name} is the name of a plugin that is a channel; call yours otherwise")
        made[name] = _let_through(channel, f"plugin notifier.{name}", gate)
    return made


def routing(settings: Settings, known: Iterable[str]) -> Routing:
    """Who is told what. Raises ConfigError for a channel that is none of the `known`."""
    if settings.aiops.shadow:
        return Routing()  # nobody is told, whatever the routes say
    names = sorted(known)
    for route in settings.routes:
        if unknown := sorted(set(route.channels) - set(names)):
            raise ConfigError(f"routes: no channel is called {', '.join(unknown)}; known: {', '.join(names)}")
    return Routing(tuple(map(_route, settings.routes)))


def heartbeat(settings: Settings, gate: Outbound) -> Post | None:
    """What asks the address of the heartbeat, None where there is none. Raises ConfigError."""
    url = settings.heartbeat.url
    if url is None:
        return None
    try:
        where = Post("heartbeat", HttpOptions(url=url))
    except ValidationError:
        raise ConfigError("HEARTBEAT_URL: expected http:// or https:// and a host") from None
    if gate.allow and (reason := gate.refusal(where.host)):
        raise ConfigError(f"HEARTBEAT_URL: {reason}")
    return where


def _usual(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, setting that switches it on, options) of each channel that is configured by sections."""
    slack, pagerduty = settings.slack, settings.pagerduty
    if slack.webhook_url:
        yield "slack", "SLACK_WEBHOOK_URL", {"url": slack.webhook_url}
    if slack.bot_token:
        _needs("SLACK_BOT_TOKEN", "SLACK_CHANNEL", slack.channel)
        where = {"channel": slack.channel, "url": slack.api_url}
        options = {
            "token": slack.bot_token,
            **where,
            "charts": slack.charts,
            "buttons": bool(slack.signing_secret or slack.app_token),
        }
        yield "slack_bot", "SLACK_API_URL", options
    if pagerduty.routing_key:
        yield "pagerduty", "PAGERDUTY_URL", {"routing_key": pagerduty.routing_key, "url": pagerduty.url}
    yield from _mail(settings)
    yield from _hooks(settings)
    if settings.telegram.bot_token:
        telegram = settings.telegram
        _needs("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", telegram.chat_id)
        options = {"token": telegram.bot_token, "chat_id": telegram.chat_id, "url": telegram.api_url}
        yield "telegram", "TELEGRAM_API_URL", options
    if settings.apprise.urls:
        yield "apprise", "APPRISE_URLS", {"urls": settings.apprise.urls}


def _hooks(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    generic = settings.generic
    if generic.webhook_url:
        options = {"url": generic.webhook_url, "secret": generic.webhook_secret, "headers": generic.webhook_headers}
        yield "webhook", "GENERIC_WEBHOOK_URL", options
    others = {"teams": settings.teams, "discord": settings.discord, "mattermost": settings.mattermost}
    for name, hook in others.items():
        if hook.webhook_url:
            yield name, f"{name.upper()}_WEBHOOK_URL", {"url": hook.webhook_url}


def _mail(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    smtp = settings.smtp
    if not smtp.host:
        return
    _needs("SMTP_HOST", "SMTP_SENDER", smtp.sender)
    _needs("SMTP_HOST", "SMTP_TO", smtp.to)
    options = smtp.model_dump(exclude={"to", "password"})
    to = tuple(filter(None, map(str.strip, smtp.to.split(","))))
    yield "mail", "SMTP_HOST", {**options, "to": to, "password": smtp.password}


def _needs(given: str, name: str, value: str) -> None:
    if not value:
        raise ConfigError(f"{given} is set, but {name} is not: set it, too")


def _let_through(channel: Notifier, setting: str, gate: Outbound) -> Notifier:
    """The channel, if the hosts that it goes to are on the list, where there is a list: a mistyped or planted address
    tells nobody anything. Raises ConfigError.
    """
    if not gate.allow:
        return channel
    hosts = getattr(channel, "hosts", None)
    if hosts is None:
        raise ConfigError(f"{setting}: OUTBOUND_ALLOW is set, and this channel says not where it leads (`hosts`)")
    for reason in filter(None, map(gate.refusal, hosts)):
        raise ConfigError(f"{setting}: {reason}")
    return channel


def _route(route: RouteSettings) -> Route:
    return Route(
        channels=frozenset(route.channels),
        matchers=matchers.parse_all(route.match or ()),
        on=frozenset(route.on),
        min_severity=route.min_severity or "info",
        min_confidence=route.min_confidence,
        quiet=tuple(map(_quiet, route.quiet)),
        remind_after=None if route.remind_minutes is None else timedelta(minutes=route.remind_minutes),
    )


def _quiet(quiet: QuietSettings) -> Quiet:
    return Quiet(
        start=time.fromisoformat(quiet.start),
        end=time.fromisoformat(quiet.end),
        zone=ZoneInfo(quiet.zone),
        days=frozenset(quiet.days),
        unless=matchers.parse_all(quiet.unless or ()),
    )
