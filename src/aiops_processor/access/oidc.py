"""Signing in with OpenID Connect: the authorization code flow with PKCE.

Source: OpenID Connect Core 1.0 (3.1), RFC 7636 (PKCE), RFC 9700 (security of OAuth 2.0).
Needs the extra `[oidc]`: tokens are checked by joserfc, which is loaded when somebody signs in.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from aiops_processor.clients.http import Endpoint, Service
from aiops_processor.errors import ConfigError, InputError, SourceUnreadable
from aiops_processor.models.access import Role

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key only: `none` and a shared secret prove nothing here."""
LEEWAY_SECONDS = 60
KEEP_SECONDS = 3600.0
MOST_BYTES = 1024 * 1024
RANKED = (Role.ADMIN, Role.RESPONDER, Role.VIEWER)


class OidcOptions(BaseModel):
    """The provider, and what of its claims makes which role. `roles` is a value of the claim to our role."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    redirect_uri: str
    role_claim: str = "groups"
    roles: dict[str, Role] = Field(default_factory=dict)
    default_role: Role | None = None
    scopes: str = "openid profile email"
    ca_file: str = ""


@dataclass(frozen=True)
class Started:
    """A sign-in that is under way: where the browser goes, and what it must bring back unseen by others."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Person:
    """Who has signed in at the provider."""

    name: str
    role: Role


class _Metadata(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct):
    id_token: str


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class Provider:
    """One OpenID provider. Its addresses and keys are kept for an hour."""

    def __init__(self, options: OidcOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.options = options
        self._transport = transport
        self._metadata: _Metadata | None = None
        self._keys: Any = None
        self._read_at = float("-inf")

    async def start(self) -> Started:
        """A new sign-in. Raises SourceError where the provider does not answer."""
        found = await self._found()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self.options.redirect_uri,
            "scope": self.options.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in found.authorization_endpoint else "?"
        return Started(f"{found.authorization_endpoint}{joint}{urlencode(query)}", state, nonce, verifier)

    async def finish(self, code: str, nonce: str, verifier: str) -> Person:
        """Who this code stands for. Raises SourceError, and InputError where the answer proves nobody we let in."""
        found = await self._found()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.options.redirect_uri,
            "client_id": self.options.client_id,
            "code_verifier": verifier,
        }
        token = _decode(await self._asked(found.token_endpoint, form), _Tokens).id_token
        return self._person(await self._claims(token, nonce))

    async def _found(self) -> _Metadata:
        if self._metadata is None or time.monotonic() - self._read_at > KEEP_SECONDS:
            address = f"{self.options.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = _decode(await self._asked(address), _Metadata)
            if metadata.issuer.rstrip("/") != self.options.issuer.rstrip("/"):
                raise SourceUnreadable(f"OIDC_ISSUER: the provider calls itself another name ({metadata.issuer[:100]})")
            self._keys = None
            self._metadata, self._read_at = metadata, time.monotonic()
        return self._metadata

    async def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        jwt, errors = _joserfc("joserfc.jwt"), _joserfc("joserfc.errors")
        required = {
            "iss": {"essential": True, "value": self._metadata.issuer if self._metadata else ""},
            "exp": {"essential": True},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        try:
            claims = jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(leeway=LEEWAY_SECONDS, **required).validate(claims)
        except (errors.JoseError, ValueError) as error:
            raise InputError("id_token", f"is not to be trusted ({type(error).__name__})") from None
        audience = claims.get("aud")
        if self.options.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise InputError("id_token", "is made for another application")
        return claims

    async def _key_set(self) -> Any:
        """The provider's public keys. A change of keys is seen after an hour, or at a restart."""
        if self._keys is None:
            address = (await self._found()).jwks_uri
            keys = _decode(await self._asked(address), _Keys)
            self._keys = _joserfc("joserfc.jwk").KeySet.import_key_set({"keys": keys.keys})
        return self._keys

    def _person(self, claims: Mapping[str, Any]) -> Person:
        found = claims.get(self.options.role_claim)
        values = found if isinstance(found, list) else [found]
        given = {
            self.options.roles[value] for value in values if isinstance(value, str) and value in self.options.roles
        }
        role = next((role for role in RANKED if role in given), self.options.default_role)
        if role is None:
            raise InputError(self.options.role_claim, "names no role here; OIDC_ROLES says which values do")
        name = next((str(claims[name]) for name in ("preferred_username", "email", "sub") if claims.get(name)), "")
        return Person(name[:200], role)

    async def _asked(self, address: str, form: Mapping[str, str] | None = None) -> bytes:
        """One question to the provider, through the client that every source has: same host on redirects, bounded."""
        if address.startswith("http://") and not self.options.issuer.startswith("http://"):
            raise SourceUnreadable("OIDC_ISSUER: the provider names an address without TLS")
        endpoint = Endpoint(url=address, ca_file=self.options.ca_file)
        if form:
            ours = {"username": self.options.client_id, "password": self.options.client_secret}
            endpoint = endpoint.model_copy(update=ours)
        service = Service("oidc", endpoint, self._transport, most_bytes=MOST_BYTES)
        try:
            return await (service.get("") if form is None else service.post("", form))
        finally:
            await service.aclose()


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise SourceUnreadable("OIDC_ISSUER: the provider's answer is not one of OpenID Connect") from None


def _joserfc(module: str) -> Any:
    """17 MB, for whoever signs in this way. Raises ConfigError where the extra is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError("OIDC_ISSUER needs a library: pip install aiops-processor[oidc]") from error
