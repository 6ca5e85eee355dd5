"""Every error this package raises.

    AiopsError
    ├── ConfigError            a setting is missing, unknown or wrong; names the setting and the remedy
    ├── PluginError            a plugin cannot be found, loaded or given its options
    │   ├── PluginFault        one that works raised, took too long or answered with something else
    │   └── PluginLost         it was called, and nobody knows how far it came
    ├── InputError             a body or a field that somebody sent is wrong; names the field
    │   ├── NotAWebhook        the body as a whole is no Alertmanager webhook
    │   └── BodyTooLarge       more bytes than we take
    ├── StorageError           our own store refused
    │   └── StorageBusy        (retryable) locked, full or away: may pass
    ├── QueryError             a query text that does not parse, found before it is sent
    ├── SourceError            Prometheus, Loki or Alertmanager gave no usable answer
    │   ├── SourceRefused      it understood and said no (400, 422, 401, …): the same question fails again
    │   ├── SourceUnreadable   it answered something that is not its API
    │   └── SourceUnavailable  (retryable) down, slow, overloaded
    ├── ModelError             the language model gave no usable answer
    │   ├── ModelRefused       wrong key, no money, unknown model: needs a person
    │   │   └── PromptTooLong  the question does not fit the model's window: a shorter one may
    │   ├── BudgetSpent        calls, tokens or money of an incident or of the day are used up
    │   ├── ModelUnreadable    it answered, but not what was asked for
    │   └── ModelUnavailable   (retryable) down, slow, rate-limited
    └── DeliveryError          a channel did not take a message
        ├── DeliveryRefused    it never will (bad address, revoked token, malformed message)
        └── DeliveryUnavailable (retryable) may pass
            └── DeliveryUncertain  it broke off after the request had begun: it may have been taken

Whether a thing is worth trying again is a type (`Retryable`), never guessed from text.
No message carries a secret: of a URL only the host is named.
"""


class AiopsError(Exception):
    """The root; catch this to catch everything of ours."""


class Retryable(AiopsError):
    """May pass by itself. `retry_after` is how many seconds the other side asked for, where it said."""

    retry_after: float | None

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigError(AiopsError):
    """A setting is missing, unknown or wrong."""


class PluginError(AiopsError):
    """A plugin cannot be found, loaded or given its options."""


class PluginFault(PluginError):
    """A plugin that is loaded raised, took too long or answered with something else; what called it goes on."""


class PluginLost(PluginError):
    """A plugin raised what would have ended the process, or cancelled itself: nobody knows how far it came."""


class InputError(AiopsError):
    """What somebody sent is wrong: `field` is its path in the body (`alerts.0.startsAt`), `reason` the remedy."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class NotAWebhook(InputError):
    """The body as a whole is no Alertmanager webhook. `malformed` where it is not even JSON."""

    def __init__(self, field: str, reason: str, *, malformed: bool = False) -> None:
        super().__init__(field, reason)
        self.malformed = malformed


class BodyTooLarge(InputError):
    """More bytes than we take."""


class StorageError(AiopsError):
    """Our own store refused."""


class StorageBusy(StorageError, Retryable):
    """Our own store is locked, full or away; may pass."""


class QueryError(AiopsError):
    """A PromQL or LogQL text that does not parse."""


class SourceError(AiopsError):
    """Prometheus, Loki or Alertmanager gave no usable answer."""


class SourceRefused(SourceError):
    """It understood and said no: the same question fails again."""


class SourceUnreadable(SourceError):
    """It answered something that is not its API."""


class SourceUnavailable(SourceError, Retryable):
    """It is down, slow or overloaded; may pass."""


class ModelError(AiopsError):
    """The language model gave no usable answer."""


class ModelRefused(ModelError):
    """Wrong key, no money, unknown model: needs a person."""


class PromptTooLong(ModelRefused):
    """The question does not fit the model's window; a shorter one may."""


class BudgetSpent(ModelError):
    """Calls, tokens or money of an incident or of the day are used up: no further question is asked."""


class ModelUnreadable(ModelError):
    """It answered, but not what was asked for. The tokens were paid for all the same; 0 where it did not say."""

    def __init__(self, message: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


class ModelUnavailable(ModelError, Retryable):
    """It is down, slow or rate-limited; may pass.

    `free` where surely nothing is to be paid: it was not reached, or said no before it worked. Of a request that broke
    off nobody can know.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, free: bool = False) -> None:
        super().__init__(message, retry_after)
        self.free = free


class DeliveryError(AiopsError):
    """A channel did not take a message."""


class DeliveryRefused(DeliveryError):
    """The channel never will take this message: bad address, revoked token, malformed message."""


class DeliveryUnavailable(DeliveryError, Retryable):
    """The channel did not take this message now; may pass."""


class DeliveryUncertain(DeliveryUnavailable):
    """It broke off after the request had begun: the other side may have taken it."""
