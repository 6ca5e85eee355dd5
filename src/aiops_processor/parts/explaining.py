"""From settings to the models that explain: which are asked, in which order, with which templates, at what cost."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiops_processor import plugins
from aiops_processor.clock import Clock
from aiops_processor.errors import ConfigError
from aiops_processor.llm.asking import TriesAgain
from aiops_processor.llm.budget import Limit
from aiops_processor.llm.budget import Limits as Budgets
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price, budget_of
from aiops_processor.llm.pace import Pace, Rate
from aiops_processor.llm.prompt import Prompts
from aiops_processor.llm.providers.own_model import OwnModel
from aiops_processor.llm.tools.toolbox import Toolbox
from aiops_processor.parts import plugging
from aiops_processor.parts.closing import Keep, keeping_none
from aiops_processor.plugins import Door, Model
from aiops_processor.plugins.aside import aside
from aiops_processor.plugins.guard import Fault
from aiops_processor.settings import Settings

BUILT_IN = frozenset({"deepseek", "openai", "anthropic", "ollama"})
"""The providers whose options the settings know; that of a plugin says itself whether it needs a key."""


def model(
    settings: Settings,
    door: Door | None = None,
    fault: Callable[[Fault], None] = lambda _: None,
    keep: Keep = keeping_none,
) -> Lineup | None:
    """The configured model and its fallbacks, None where there is neither a key nor an endpoint that needs none.

    `fault` hears what a plugin does wrong. Raises ConfigError for a fallback that cannot be asked, PluginError for an
    unknown provider or a wrong option.
    """
    llm = settings.llm
    keyless = llm.provider == "ollama" or llm.provider not in BUILT_IN
    if not llm.fallbacks and not llm.base_url and not keyless and settings.key_of(llm.provider) is None:
        return None
    door = door or plugging.door(settings)

    def opened(provider: str, options: Mapping[str, Any]) -> Model:
        made = _made(door, provider, options, fault)
        keep(made)
        return made

    first = _candidate(
        settings, door, opened, llm.provider, llm.model, base_url=llm.base_url, context_tokens=llm.context_tokens
    )
    others = [_candidate(settings, door, opened, provider, name) for provider, name in _fallbacks(llm.fallbacks)]
    return Lineup((first, *others), llm.deadline)


def explainer(
    settings: Settings,
    models: Lineup | None,
    clock: Clock,
    tools: Toolbox | None = None,
    pace: Pace | None = None,
) -> Explainer | None:
    """What writes analyses with these models. Raises ConfigError for templates that leave no room for evidence."""
    if models is None:
        return None
    made = prompts(settings)
    for candidate in models.candidates:
        made.check(candidate.token_budget)
    hidden = [name for each in settings.redact.names.split(",") if (name := each.strip())]
    return Explainer(models, clock, made, limits(settings), hidden, tools, pace)


def prompts(settings: Settings) -> Prompts:
    """The templates in force: the user's own in front of ours."""
    llm = settings.llm
    folder = Path(llm.prompts).expanduser() if llm.prompts else plugging.prompts(settings)
    return Prompts(folder, llm.language)


def limits(settings: Settings) -> Budgets:
    """What a model may cost."""
    llm = settings.llm
    return Budgets(
        incident=Limit(calls=llm.incident_calls, tokens=llm.incident_tokens, usd=llm.incident_usd),
        day=Limit(calls=llm.day_calls, tokens=llm.day_tokens, usd=llm.day_usd),
        alert_usd=llm.alert_usd,
    )


def _candidate(
    settings: Settings,
    door: Door,
    opened: Callable[[str, Mapping[str, Any]], Model],
    provider: str,
    name: str,
    base_url: str = "",
    context_tokens: int | None = None,
) -> Candidate:
    """One model. Where LLM_BASE_URL and LLM_CONTEXT_TOKENS are not its own, its provider says what is."""
    llm, key = settings.llm, settings.key_of(provider)
    if key is None and not base_url and provider in {"deepseek", "openai", "anthropic"}:
        raise ConfigError(f"{provider.upper()}_API_KEY is not set, and the models to ask name {provider}")
    options: dict[str, Any] = {
        "api_key": key,
        "model": name,
        "base_url": base_url or (settings.ollama.url if provider == "ollama" else ""),
        "timeout_seconds": llm.timeout,
        "max_retries": llm.max_retries,
        "temperature": llm.temperature,
        "top_p": llm.top_p,
        "max_tokens": llm.max_tokens,
        "context_tokens": context_tokens,
        **({"thinking": llm.thinking} if provider == "deepseek" else {}),
    }
    given = {option: value for option, value in options.items() if value not in (None, "")}
    form = getattr(door.load("model", provider), "Options", None)
    known_options = form.model_fields if form else {}
    if provider not in BUILT_IN:  # it may do without what we would say to any
        given = {option: value for option, value in given.items() if option in known_options}
    made = opened(provider, {**given, **plugging.own_options(settings, door, "model", provider)})
    called = name or (str(known_options["model"].default) if "model" in known_options else made.name)
    price = llm.prices.get(called)
    known = {"deepseek", "anthropic"} if base_url else {"deepseek", "anthropic", "openai"}
    wanted = llm.tools == "on" or (llm.tools == "auto" and provider in known)
    tools = wanted and isinstance(made, plugins.CallsTools) and made.calls_tools
    rate = llm.rates.get(provider)
    return Candidate(
        model=made,
        token_budget=budget_of(made),
        price=Price(**price.model_dump()) if price else None,
        called=called,
        answer_tokens=llm.max_tokens,
        tools=tools,
        provider=provider,
        rate=Rate(**rate.model_dump()) if rate else None,
    )


def _made(door: Door, provider: str, options: Mapping[str, Any], fault: Callable[[Fault], None]) -> Model:
    """The model. One that counts its tries asks our store between them, and has to stay on our event loop."""
    made: Model = door.make("model", provider, options)
    if not isinstance(made, TriesAgain):
        made = aside("model", provider, made, fault)
    return made if provider in BUILT_IN or isinstance(made, plugins.CallsTools) else OwnModel(made)


def _fallbacks(text: str) -> Iterator[tuple[str, str]]:
    """The providers and models of `openai:gpt-x, ollama:qwen3:8b`. Raises ConfigError."""
    for each in filter(None, map(str.strip, text.split(","))):
        provider, _, name = each.partition(":")
        if not provider or not name:
            raise ConfigError(f"LLM_FALLBACKS: {each!r} is no provider:model; write for example ollama:qwen3:8b")
        yield provider, name
