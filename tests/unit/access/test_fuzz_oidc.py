"""An OpenID provider may answer anything: somebody is signed in, or one of our own errors says why not."""

import json
import os
from typing import Any

import anyio
import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from aiops_processor.access.oidc import OidcOptions, Person, Provider
from aiops_processor.errors import AiopsError
from aiops_processor.models.access import Role

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
ISSUER = "https://id.example"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
NONCE = "n"
OPTIONS = OidcOptions(issuer=ISSUER, client_id="us", redirect_uri="https://us.example", default_role=Role.VIEWER)
HONEST = {"iss": ISSUER, "aud": "us", "exp": 4_000_000_000, "sub": "7", "nonce": NONCE}
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": ISSUER,
    "token_endpoint": f"{ISSUER}/t",
    "jwks_uri": f"{ISSUER}/k",
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)
addresses = st.sampled_from(
    ["", "x", "http://", "https://[", "ftp://a", "http://id.example", "//evil", "https://a b/"]
) | st.text(max_size=20)
keys = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "oct", "OKP", "", 5, None])},
    optional=dict.fromkeys(("n", "e", "crv", "x", "y", "k", "kid", "alg", "use", "key_ops"), anything),
)


def answering(answers: dict[str, Any]) -> Provider:
    """A provider whose answers to discovery, `/t` and `/k` are these: texts as they are, others as JSON."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        found = answers.get(request.url.path, answers["discovery"])
        return httpx2.Response(200, text=found if isinstance(found, str) else json.dumps(found))

    return Provider(OPTIONS, httpx2.MockTransport(answer))


def signing_in(answers: dict[str, Any]) -> Person | AiopsError:
    async def both() -> Person:
        provider = answering(answers)
        await provider.start()
        return await provider.finish("code", NONCE, "verifier")

    try:
        return anyio.run(both)
    except AiopsError as error:
        return error


def tokens(claims: Any) -> dict[str, Any]:
    return {"id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)}


HONEST_ANSWERS = {"discovery": METADATA, "/t": tokens(HONEST), "/k": {"keys": [KEY.as_dict(private=False)]}}


def test_an_honest_one_signs_somebody_in() -> None:
    assert signing_in(HONEST_ANSWERS) == Person("7", Role.VIEWER)


@settings(max_examples=EXAMPLES)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(METADATA, addresses | anything)))
def test_its_description_may_be_anything(changed: dict[str, Any]) -> None:
    assert isinstance(signing_in({**HONEST_ANSWERS, "discovery": {**METADATA, **changed}}), Person | AiopsError)


@settings(max_examples=EXAMPLES)
@given(anything | st.text() | st.fixed_dictionaries({"id_token": st.text() | anything}))
def test_its_tokens_may_be_anything(said: Any) -> None:
    assert isinstance(signing_in({**HONEST_ANSWERS, "/t": said}), AiopsError)


@settings(max_examples=EXAMPLES)
@given(anything | st.text() | st.fixed_dictionaries({"keys": st.lists(keys, max_size=3) | anything}))
def test_its_keys_may_be_anything(said: Any) -> None:
    assert isinstance(signing_in({**HONEST_ANSWERS, "/k": said}), AiopsError)


@settings(max_examples=EXAMPLES)
@given(st.dictionaries(st.sampled_from([*HONEST, "groups", "iat", "nbf", "email", "preferred_username"]), anything))
def test_its_claims_may_be_anything(changed: dict[str, Any]) -> None:
    try:
        made = tokens({**HONEST, **changed})
    except (ValueError, TypeError):
        return  # no token can hold that
    found = signing_in({**HONEST_ANSWERS, "/t": made})
    assert isinstance(found, Person | AiopsError)
