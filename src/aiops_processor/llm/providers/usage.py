"""How pydantic-ai reads the tokens of an answer, without the price list of every provider that it would load for it."""

from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import Provider, UsageExtractor, UsageExtractorMapping

NO_ADDRESS = "(?!)"  # found by name only: what imitates OpenAI has any address


def leave_prices_out() -> None:
    """Before a model is made: each one loads what this has not replaced (7 MiB). Prices are ours, `LLM_PRICES`."""
    known = [_provider("openai", "prompt_tokens", "completion_tokens", "chat")]
    known.append(_provider("anthropic", "input_tokens", "output_tokens", "default"))
    set_custom_snapshot(DataSnapshot(providers=known, from_auto_update=False))


def _provider(name: str, asked: str, answered: str, flavor: str) -> Provider:
    tokens = [
        UsageExtractorMapping(path=asked, dest="input_tokens", required=True),
        UsageExtractorMapping(path=answered, dest="output_tokens", required=True),
    ]
    read = UsageExtractor(root="usage", mappings=tokens, api_flavor=flavor, model_path="model")
    return Provider(id=name, name=name, api_pattern=NO_ADDRESS, extractors=[read])
