"""The settings of channels: the usual ones by section, any number of others by name, and who is told what."""

from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator

from aiops_processor.settings.section import Matchers, Section

TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Occasion = Literal["opened", "analysed", "updated", "resolved"]
Severity = Literal["info", "warning", "error", "critical"]


class SlackSettings(Section):
    """An incoming webhook, or a bot, which edits its message and answers in its thread.

    `signing_secret` is for buttons that post to /webhook/slack, `app_token` for Socket Mode in its place.
    """

    webhook_url: SecretStr | None = None
    bot_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    channel: str = ""
    api_url: str = "https://slack.com/api"
    charts: bool = False


class PagerDutySettings(Section):
    """The integration key of a service; accounts in Europe have an address of their own."""

    routing_key: SecretStr | None = None
    url: str = "https://events.pagerduty.com"


class SmtpSettings(Section):
    """A mail server, and from whom to whom; several recipients with commas between."""

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    sender: str = ""
    to: str = ""
    ca_file: str = ""
    charts: bool = False


class GenericSettings(Section):
    """Versioned JSON to any address, signed where there is a secret."""

    webhook_url: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    webhook_headers: dict[str, str] = Field(default_factory=dict, repr=False)


class TeamsSettings(Section):
    webhook_url: SecretStr | None = None


class DiscordSettings(Section):
    webhook_url: SecretStr | None = None


class TelegramSettings(Section):
    bot_token: SecretStr | None = None
    chat_id: str = ""
    api_url: str = "https://api.telegram.org"


class MattermostSettings(Section):
    webhook_url: SecretStr | None = None


class AppriseSettings(Section):
    """Addresses as Apprise writes them, with spaces between."""

    urls: SecretStr | None = None


class HeartbeatSettings(Section):
    """An address that is asked regularly while all is well: who misses it raises the alarm about us."""

    url: SecretStr | None = None
    seconds: float = Field(default=60, ge=5, le=24 * 3600)


class NamedChannel(Section):
    """One more channel: `kind` is a plugin, `options` are its own."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    kind: str
    options: dict[str, Any] = Field(default_factory=dict, repr=False)


class QuietSettings(Section):
    """When a channel is left alone, and for which alerts not. What ends before it begins goes on past midnight."""

    start: str = Field(pattern=TIME)
    end: str = Field(pattern=TIME)
    days: tuple[Day, ...] = Field(default=(), description="on which it begins; none: every day")
    zone: str = "UTC"
    unless: Matchers | None = None

    @field_validator("start", "end", mode="before")
    @classmethod
    def _read_as_a_time(cls, value: Any) -> Any:
        """YAML 1.1 reads 22:00 without quotation marks as a number to the base of 60."""
        return f"{value // 60:02}:{value % 60:02}" if type(value) is int else value

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; expected one such as Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _lasts(self) -> "QuietSettings":
        if self.start == self.end:
            raise ValueError("`start` and `end` are the same")
        return self


class RouteSettings(Section):
    """What these channels are told. A channel that no route names is told all of everything."""

    channels: tuple[str, ...] = Field(min_length=1)
    match: Matchers | None = None
    on: tuple[Occasion, ...] = ("opened", "analysed", "updated", "resolved")
    min_severity: Severity | None = None
    min_confidence: float = Field(default=0, ge=0, le=1)
    quiet: tuple[QuietSettings, ...] = ()
    remind_minutes: float | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _read_on(cls, data: Any) -> Any:
        """YAML 1.1 reads the key `on` as true."""
        return (
            {("on" if key is True else key): value for key, value in data.items()} if isinstance(data, dict) else data
        )
