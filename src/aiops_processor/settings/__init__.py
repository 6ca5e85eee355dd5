"""Every setting, by section: its name, type and default. The file and the environment are read in config.py."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from aiops_processor.settings.channels import (
    AppriseSettings,
    DiscordSettings,
    GenericSettings,
    HeartbeatSettings,
    MattermostSettings,
    NamedChannel,
    PagerDutySettings,
    RouteSettings,
    SlackSettings,
    SmtpSettings,
    TeamsSettings,
    TelegramSettings,
)
from aiops_processor.settings.section import Matchers, Section, read_matchers


class SourceSettings(Section):
    """How a service is reached and who we are there. `external_url` is what links for people start with.

    `timeout` is in seconds, for one question with its retries.
    """

    url: str = ""
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    tenant: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    external_url: str = ""
    timeout: float = Field(default=10, gt=0, le=600)


class AlertmanagerSettings(SourceSettings):
    """Alertmanager, its peers (reached in the same way), and how patiently they are asked for what was never sent.

    `receivers` are ours although no webhook has come from them yet. All times are in seconds.
    """

    peers: str = ""
    receivers: str = ""
    adopt_seconds: float = Field(default=360, ge=0, description="group_wait + group_interval")
    absent_seconds: float = Field(default=300, ge=0)
    round_seconds: float = Field(default=60, gt=0)


class NamedSource(Section):
    """A Prometheus, a Loki or both, for the alerts that `match` fits: Alertmanager's matchers, all of which must fit.

    What is not named here is the default's. `alertmanager` is where the webhooks with `?source=NAME` come from.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    match: Matchers
    prometheus: SourceSettings | None = None
    loki: SourceSettings | None = None
    prometheus_uid: str = Field(default="", description="its data source in Grafana, for links")
    loki_uid: str = Field(default="", description="the same of its Loki")
    alertmanager: AlertmanagerSettings | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> "NamedSource":
        given = [each for each in (self.prometheus, self.loki, self.alertmanager) if each is not None]
        if not given or not all(each.url for each in given):
            raise ValueError("needs `prometheus`, `loki` or `alertmanager`, each with its `url`")
        return self


class PriceSettings(Section):
    """What a million tokens of a model cost, in US dollars."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)


class RateSettings(Section):
    """What a provider takes in a minute, from all processes together."""

    requests: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)


def _list_prices() -> dict[str, PriceSettings]:
    """DeepSeek's list prices at peak hours, without its cache; off-peak is half.

    Source: https://api-docs.deepseek.com/quick_start/pricing, as of October 2026.
    """
    return {
        "deepseek-v4-pro": PriceSettings(input_usd=1.32, output_usd=3.96),
        "deepseek-flash": PriceSettings(input_usd=0.3, output_usd=1.2),
    }


class ModelSettings(Section):
    """The language model. Without a key (or a base URL that needs none) the ranked evidence is the report."""

    provider: str = "deepseek"
    model: str = ""
    base_url: str = ""
    timeout: float = Field(default=60, gt=0, description="seconds for one answer, all tries together")
    max_retries: int = Field(default=3, ge=0, le=10)
    deadline: float = Field(default=120, gt=0, description="seconds for one analysis, all models together")
    fallbacks: str = Field(default="", description="provider:model, …: who is asked when the one before fails")
    temperature: float = Field(default=0.1, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=2000, gt=0)
    complete_minutes: float = Field(default=15, ge=0, le=60, description="so long a model that failed is asked again")
    context_tokens: int | None = Field(default=None, gt=0, description="the model's window, prompt and answer")
    thinking: bool = Field(default=False, description="whether DeepSeek's models think before they answer")
    prompts: str = Field(default="", description="a folder of your own templates and additions")
    language: str = Field(default="English", min_length=1, max_length=40, pattern=r"^[\w ()-]+$")
    prices: dict[str, PriceSettings] = Field(default_factory=_list_prices)
    rates: dict[str, RateSettings] = Field(default_factory=dict, description="by provider")
    tools: Literal["auto", "on", "off"] = Field(default="auto", description="whether a model may ask for more")
    tool_calls: int = Field(default=4, ge=0, le=20, description="queries of its own in one analysis")
    tool_rounds: int = Field(default=1, ge=1, le=5, description="questions in which it may ask for them")
    incident_calls: int | None = Field(default=20, ge=0)
    incident_tokens: int | None = Field(default=100_000, ge=0)
    incident_usd: float | None = Field(default=None, ge=0)
    alert_usd: float | None = Field(default=0.01, ge=0, description="what an alert may cost where a model asks first")
    day_calls: int | None = Field(default=None, ge=0)
    day_tokens: int | None = Field(default=None, ge=0)
    day_usd: float | None = Field(default=20, ge=0)


class KeySettings(Section):
    """A model provider's key."""

    api_key: SecretStr | None = None


class OllamaSettings(Section):
    """Where Ollama answers; it wants no key."""

    url: str = "http://127.0.0.1:11434"


class RunbookSettings(Section):
    """Where runbooks may be read from: hosts (with commas between), and a folder with ALERTNAME.md."""

    hosts: str = ""
    folder: str = ""


class RedactSettings(Section):
    """What is masked in everything that leaves."""

    enabled: bool = Field(default=True, description="secrets and personal data")
    names: str = Field(default="", description="labels whose values a model is not told: service, namespace, …")


class TimeSettings(Section):
    """How far back is looked."""

    window_minutes: int = Field(default=15, ge=1, le=24 * 60, description="baseline before the onset")


class MaxSettings(Section):
    """How much is asked of Prometheus and Loki at once, and how much is read for one incident at most."""

    queries: int = Field(default=128, ge=1, description="to one source at once, of all processes together")
    log_lines: int = Field(default=1000, ge=1, le=5000)
    metrics_points: int = Field(default=1_000_000, ge=1000)


class ApiSettings(Section):
    """Where we listen and who may ask. From any address but loopback, a token or a password is demanded."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    signing_secret: SecretStr | None = None
    trust_loopback: bool = Field(default=True, description="whoever is on this machine needs no credentials")
    open_metrics: bool = Field(default=False, description="/metrics needs no credentials")
    session_hours: float = Field(default=12, gt=0, le=24 * 30)
    tls_cert: str = ""
    tls_key: str = ""


class OidcSettings(Section):
    """People sign in at this OpenID provider; `roles` says which value of the claim makes which role."""

    issuer: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    role_claim: str = "groups"
    roles: dict[str, Literal["viewer", "responder", "admin"]] = Field(default_factory=dict)
    default_role: Literal["", "viewer", "responder", "admin"] = ""
    scopes: str = "openid profile email"
    ca_file: str = ""


class OutboundSettings(Section):
    """Where runbooks, webhooks and actions may lead: hosts with commas between, `*.example.com` for all below one."""

    allow: str = ""
    private: bool = Field(default=False, description="private addresses, too, where alerts or redirects lead there")


class ChangesSettings(Section):
    """Whoever posts changes may prove by a signature with this secret who it is."""

    secret: SecretStr | None = None


class WorkerSettings(Section):
    """Where a worker answers about its health and its metrics; the address is the API's."""

    port: int = Field(default=8001, ge=0, le=65535)


class DatabaseSettings(Section):
    """A PostgreSQL server. Empty: SQLite files under the data directory."""

    url: SecretStr | None = None


class ServiceSettings(Section):
    """The service itself. `settle_seconds` after its last new alert an incident is analysed."""

    data_dir: str = ""
    external_url: str = ""
    settle_seconds: float = Field(default=10, ge=0)
    settle_max_seconds: float = Field(default=30, ge=0)
    shadow: bool = Field(default=False, description="analyse, tell nobody")


class WatchdogSettings(Section):
    """The alert that always fires, and after how many seconds of silence people are told; 0: learned from it."""

    match: str = 'alertname="Watchdog"'
    seconds: float = Field(default=0, ge=0)

    @field_validator("match")
    @classmethod
    def _is_a_matcher(cls, text: str) -> str:
        return read_matchers((text,))[0]


class RetentionSettings(Section):
    """How many days things are kept: incidents with all that belongs to them, and their raw evidence."""

    incident_days: float = Field(default=30, gt=0)
    evidence_days: float = Field(default=7, gt=0)
    audit_days: float = Field(default=365, gt=0)


class GroupingRule(Section):
    """Alerts that `match` fits and that agree in the labels `by` belong together, begun within the window."""

    name: str = Field(min_length=1, max_length=60)
    match: Matchers
    by: tuple[str, ...] = ()
    window_seconds: float = Field(default=300, ge=0)


class GroupingSettings(Section):
    """What belongs together, and how near in time it must begin.

    `identity` are labels (with commas between) that say which entity an alert is about, besides the known ones.
    """

    window_seconds: float = Field(default=300, ge=0)
    neighbour_seconds: float = Field(default=120, ge=0)
    identity: str = ""
    rules: tuple[GroupingRule, ...] = ()


class FilterRule(Section):
    """Alerts that all matchers fit make no incident, for this reason."""

    match: Matchers
    reason: str = Field(default="", max_length=200)


class FilterSettings(Section):
    """Which alerts make no incident. Lists have commas between.

    In `business_hours` of the time zone alerts of these severities make none.
    """

    alerts: str = ""
    environments: str = ""
    rules: tuple[FilterRule, ...] = ()
    business_hours: str = Field(default="", description="Mon-Fri 09:00-17:00, …")
    time_zone: str = "UTC"
    severities: str = "info"


class PluginSettings(Section):
    """Code of others. `enable` and `disable` are lists of `kind.name` with commas between."""

    folder: str = ""
    enable: str = Field(default="", description="of what is installed")
    disable: str = Field(default="", description="of what the folder holds")
    seconds: float = Field(default=5, gt=0, le=600, description="for one call")
    filter_seconds: float = Field(default=1, gt=0, le=600, description="for one of a filter: people wait for it")
    options: dict[str, dict[str, Any]] = Field(default_factory=dict, description="by kind.name")


class PriorityRule(Section):
    """Incidents with an alert that `match` fits have this level; the smaller, the sooner."""

    match: Matchers
    level: int = Field(ge=-1000, le=1000)


class PrioritySettings(Section):
    """In which order work is taken: the first rule that fits, else the place of the severity in the list."""

    severities: str = "critical,page,error,high,warning,medium,info,low,none,unknown"
    rules: tuple[PriorityRule, ...] = ()


class GrafanaSettings(Section):
    """Where links lead; with a token its annotations are read, too. The uids are those of its data sources."""

    url: str = ""
    prometheus_uid: str = "prometheus"
    loki_uid: str = "loki"
    token: SecretStr | None = None


class ActionSettings(Section):
    """Something that is done about incidents with an alert that `match` fits; see docs/reference/settings.md.

    Without `on` it is done only when somebody asks for it. `approval` unset: wherever it changes a system.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    kind: str
    match: Annotated[tuple[str, ...], AfterValidator(lambda texts: read_matchers(texts) if texts else texts)] = ()
    on: tuple[Literal["analysed", "resolved"], ...] = ("analysed",)
    dry_run: bool = True
    approval: bool | None = None
    approvers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=20, gt=0, le=300)
    options: dict[str, Any] = Field(default_factory=dict, repr=False)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """All settings, by section; see the reference (docs/reference/settings.md). Made by `load`, or by hand in code."""

    prometheus: SourceSettings = SourceSettings()
    loki: SourceSettings = SourceSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    llm: ModelSettings = ModelSettings()
    deepseek: KeySettings = KeySettings()
    openai: KeySettings = KeySettings()
    anthropic: KeySettings = KeySettings()
    ollama: OllamaSettings = OllamaSettings()
    runbook: RunbookSettings = RunbookSettings()
    redact: RedactSettings = RedactSettings()
    time: TimeSettings = TimeSettings()
    max: MaxSettings = MaxSettings()
    slack: SlackSettings = SlackSettings()
    pagerduty: PagerDutySettings = PagerDutySettings()
    smtp: SmtpSettings = SmtpSettings()
    generic: GenericSettings = GenericSettings()
    teams: TeamsSettings = TeamsSettings()
    discord: DiscordSettings = DiscordSettings()
    telegram: TelegramSettings = TelegramSettings()
    mattermost: MattermostSettings = MattermostSettings()
    apprise: AppriseSettings = AppriseSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    api: ApiSettings = ApiSettings()
    changes: ChangesSettings = ChangesSettings()
    oidc: OidcSettings = OidcSettings()
    outbound: OutboundSettings = OutboundSettings()
    worker: WorkerSettings = WorkerSettings()
    database: DatabaseSettings = DatabaseSettings()
    aiops: ServiceSettings = ServiceSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    retention: RetentionSettings = RetentionSettings()
    grouping: GroupingSettings = GroupingSettings()
    priority: PrioritySettings = PrioritySettings()
    grafana: GrafanaSettings = GrafanaSettings()
    filter: FilterSettings = FilterSettings()
    plugins: PluginSettings = PluginSettings()
    log: LogSettings = LogSettings()
    channels: tuple[NamedChannel, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    sources: tuple[NamedSource, ...] = ()
    actions: tuple[ActionSettings, ...] = ()
    topology: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="who calls whom: caller to callees")

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """(caller, callee) of the configured topology."""
        return tuple((caller, callee) for caller, callees in self.topology.items() for callee in callees)

    @field_validator("sources")
    @classmethod
    def _have_names_of_their_own(cls, sources: tuple[NamedSource, ...]) -> tuple[NamedSource, ...]:
        names = [source.name for source in sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources are called {', '.join(twice)}")
        if "default" in names:
            raise ValueError("no source can be called `default`: that is what the ones outside of this list are")
        return sources

    @field_validator("actions")
    @classmethod
    def _are_told_apart(cls, actions: tuple[ActionSettings, ...]) -> tuple[ActionSettings, ...]:
        names = [action.name for action in actions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two actions are called {', '.join(twice)}")
        return actions

    @property
    def data_dir(self) -> Path:
        """Where the SQLite files are; the user's state directory unless set."""
        if self.aiops.data_dir:
            return Path(self.aiops.data_dir).expanduser()
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(state).expanduser() / "aiops-processor"

    def key_of(self, provider: str) -> SecretStr | None:
        """The key of a model provider, where it has one."""
        keys = {"deepseek": self.deepseek, "openai": self.openai, "anthropic": self.anthropic}
        return keys[provider].api_key if provider in keys else None
