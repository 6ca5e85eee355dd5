"""Our own certificate, taken up again when its files change: it is renewed every few weeks, and we run for months."""

import asyncio
import ssl
from pathlib import Path

import structlog

from aiops_processor.errors import ConfigError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0


class Certificate:
    """A certificate with its key, in a context that new connections use. Raises ConfigError where they do not fit."""

    def __init__(self, certificate: str, key: str) -> None:
        self._files = (Path(certificate), Path(key))
        self._seen = self._stamps()
        self.context = self._made()

    @classmethod
    def of(cls, certificate: str, key: str) -> "Certificate | None":
        """None where neither is configured."""
        if not certificate and not key:
            return None
        if not (certificate and key):
            raise ConfigError("TLS needs both API_TLS_CERT and API_TLS_KEY (--tls-cert and --tls-key)")
        return cls(certificate, key)

    async def watch(self, every: float = LOOK_SECONDS) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(every)
            self.renew()

    def renew(self) -> bool:
        """Take up changed files. What does not fit together is tried again when it changes once more."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            self._made()  # a context that takes a wrong pair keeps half of it, so another one tries it first
            self.context.load_cert_chain(*self._files)
        except (ConfigError, OSError) as error:
            log.error("the new certificate was not taken, the old one stays", error=str(error))
            return False
        log.info("the certificate was renewed")
        return True

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._files)
        except OSError as error:
            names = " and ".join(map(str, self._files))
            raise ConfigError(
                f"API_TLS_CERT, API_TLS_KEY: {names} cannot be used ({error.strerror or error})"
            ) from None
        return context

    def _stamps(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> tuple[int, int, int]:
    """Changes with the file, also where a link (Kubernetes' `..data`) is led elsewhere; zeros where it is away."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
