"""Incidents by mail: one thread each, held together by Message-ID (RFC 5322, 3.6.4)."""

import re
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import ClassVar, Literal

import aiosmtplib
import structlog
from pydantic import BaseModel, Field, model_validator

from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.notification import Message, Receipt
from aiops_processor.notifiers.charts import picture, require
from aiops_processor.notifiers.mail_text import mail, subject
from aiops_processor.notifiers.mailbox import Mailbox, address_of
from aiops_processor.notifiers.options import ChannelOptions, Secret

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
log = structlog.get_logger(__name__)


class MailOptions(ChannelOptions):
    """A server, and from whom to whom. Without encryption no password is sent but to this machine."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Secret | None = None
    sender: Mailbox
    to: tuple[Mailbox, ...] = Field(min_length=1, max_length=50)
    ca_file: str = ""
    charts: bool = False

    @model_validator(mode="after")
    def _keeps_its_password(self) -> "MailOptions":
        if self.password and self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("a password needs tls: starttls or tls")
        return self


class MailNotifier:
    """One connection a mail. A mail that is repeated after a kill has the Message-ID that it had."""

    Options: ClassVar[type[BaseModel]] = MailOptions

    def __init__(self, options: MailOptions) -> None:
        self.name = "mail"
        self.hosts = (options.host,)
        if options.charts:
            require(self.name)
        self._options = options
        self._who = f"mail ({options.host})"
        self._domain = address_of(options.sender).rpartition("@")[2]

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        """Raises DeliveryRefused or DeliveryUnavailable."""
        drawn = await picture(message) if self._options.charts else None
        made = mail(message, self._options.sender, self._options.to, drawn)
        before = previous.data if previous and "last" in previous.data else {}  # it may have been of another kind
        thread = self._thread(message, key, before)
        made["Subject"] = f"Re: {thread['subject']}" if before else thread["subject"]
        made["Message-ID"] = thread["last"]
        if before:
            made["In-Reply-To"] = before["last"]
            made["References"] = " ".join(dict.fromkeys((thread["root"], before["last"])))
        await self._sent(made)
        return Receipt(data=dict(thread))

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _thread(self, message: Message, key: str, before: Mapping[str, str]) -> dict[str, str]:
        """The mail that began it, this one, and the subject that all of them have."""
        name = re.sub(r"[^A-Za-z0-9._-]", "-", key)
        own = f"<{name}.{int(message.incident.opened_at.timestamp())}@{self._domain}>"
        return {"root": before.get("root", own), "last": own, "subject": before.get("subject") or subject(message)}

    async def _sent(self, made: EmailMessage) -> None:
        # `from None`: the causes hold addresses and what the server was told.
        options = self._options
        server = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            use_tls=options.tls == "tls",
            start_tls=options.tls == "starttls",
            timeout=options.timeout_seconds,
            username=options.username or None,
            password=options.password.get_secret_value() if options.password else None,
            tls_context=self._trusted(),
        )
        recipients = list(map(address_of, options.to))
        try:
            async with server:
                refused, _ = await server.sendmail(address_of(options.sender), recipients, made.as_bytes())
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._failure(error) from None
        if refused:
            log.warning("some recipients were refused", channel=self.name, refused=len(refused), of=len(recipients))

    def _trusted(self) -> ssl.SSLContext | None:
        if self._options.tls == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self._options.ca_file or None)
        except OSError as error:
            raise DeliveryRefused(f"{self._who}: SMTP_CA_FILE cannot be read ({error.strerror})") from None

    def _failure(self, error: Exception) -> DeliveryError:
        """What a reply code means (RFC 5321, 4.2.1): 4yz may pass, 5yz does not. Without a code it may."""
        answered = error
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            answered = min(error.recipients, key=lambda each: each.code)  # one that may pass makes another try worth it
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in (error, error.__cause__)):
            return DeliveryRefused(f"{self._who}: its certificate is not trusted; set SMTP_CA_FILE")
        if not isinstance(answered, aiosmtplib.SMTPResponseException):
            said = f"cannot be reached or broke off ({type(error).__name__})"
            if type(error) is aiosmtplib.SMTPException:
                said = "offers no STARTTLS or no way to log in; look at SMTP_TLS, SMTP_USERNAME"
                return DeliveryRefused(f"{self._who} {said}")
            return DeliveryUnavailable(f"{self._who} {said}")
        message = f"{self._who} answered {answered.code}{_remedy(answered)}"
        return DeliveryRefused(message) if answered.code >= 500 else DeliveryUnavailable(message)


def _remedy(error: aiosmtplib.SMTPResponseException) -> str:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return ": it wants other credentials (SMTP_USERNAME, SMTP_PASSWORD)"
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return ": it does not take mail from this sender"
    return ": it takes none of the recipients" if isinstance(error, aiosmtplib.SMTPRecipientRefused) else ""
