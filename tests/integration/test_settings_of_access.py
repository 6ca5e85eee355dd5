"""Every setting of access reaches what decides; that is shown in tests/unit/web/test_access.py and others."""

import os
import re
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from aiops_processor import config, parts
from aiops_processor.app import access_policy
from aiops_processor.clients.outbound import Outbound
from aiops_processor.errors import ConfigError
from aiops_processor.models.access import Role

OURS = re.compile(r"OIDC|OUTBOUND|API_(SIGNING|TRUST|OPEN|SESSION|TLS)|RETENTION_AUDIT")
PROVIDER = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "us",
    "AIOPS_EXTERNAL_URL": "https://aiops.example/ops/",
}
POLICY: dict[str, tuple[str, str, Any]] = {
    "API_SIGNING_SECRET": ("shared", "signing_secret", "shared"),
    "API_TRUST_LOOPBACK": ("false", "trust_loopback", False),
    "API_OPEN_METRICS": ("true", "open_metrics", True),
    "API_SESSION_HOURS": ("2", "session", timedelta(hours=2)),
    "RETENTION_AUDIT_DAYS": ("7", "audit_kept", timedelta(days=7)),
}
OIDC: dict[str, tuple[str, str, Any]] = {
    "OIDC_ISSUER": ("https://other.example", "issuer", "https://other.example"),
    "OIDC_CLIENT_ID": ("them", "client_id", "them"),
    "OIDC_CLIENT_SECRET": ("s3cret", "client_secret", SecretStr("s3cret")),
    "OIDC_ROLE_CLAIM": ("roles", "role_claim", "roles"),
    "OIDC_ROLES": ('{"sre": "admin"}', "roles", {"sre": Role.ADMIN}),
    "OIDC_DEFAULT_ROLE": ("viewer", "default_role", Role.VIEWER),
    "OIDC_SCOPES": ("openid", "scopes", "openid"),
    "OIDC_CA_FILE": ("/etc/ca.pem", "ca_file", "/etc/ca.pem"),
}
ELSEWHERE = {
    "API_TLS_CERT",  # tests/acceptance/test_strangers.py
    "API_TLS_KEY",  # the same
    "OUTBOUND_ALLOW",  # below
    "OUTBOUND_PRIVATE",  # below
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name in dict(config.variables()) or name == config.FILE_VARIABLE:
            monkeypatch.delenv(name)


def test_every_setting_of_access_has_a_proof() -> None:
    assert {name for name, _ in config.variables() if OURS.match(name)} == {*POLICY, *OIDC, *ELSEWHERE}


@pytest.mark.parametrize("name", POLICY)
def test_a_setting_reaches_the_door(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, field, wanted = POLICY[name]
    assert getattr(access_policy(config.load()), field) != wanted
    monkeypatch.setenv(name, value)
    assert getattr(access_policy(config.load()), field) == wanted


@pytest.mark.parametrize("name", OIDC)
def test_a_setting_reaches_the_sign_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, field, wanted = OIDC[name]
    for variable, given in {**PROVIDER, name: value}.items():
        monkeypatch.setenv(variable, given)
    options = access_policy(config.load()).oidc
    assert options is not None
    assert getattr(options, field) == wanted
    assert options.redirect_uri == "https://aiops.example/ops/login/oidc/callback"


def test_a_provider_without_a_way_back_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access_policy(config.load()).oidc is None
    monkeypatch.setenv("OIDC_ISSUER", "https://id.example")
    with pytest.raises(ConfigError, match="AIOPS_EXTERNAL_URL"):
        access_policy(config.load())


def test_an_address_with_tls_makes_cookies_secure_and_its_name_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not access_policy(config.load()).secure
    monkeypatch.setenv("AIOPS_EXTERNAL_URL", "https://aiops.example")
    policy = access_policy(config.load())
    assert policy.secure
    assert "aiops.example" in policy.hosts


def test_where_links_may_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts.outbound(config.load()) == Outbound()
    monkeypatch.setenv("OUTBOUND_ALLOW", "wiki.example, *.runbooks.example")
    monkeypatch.setenv("OUTBOUND_PRIVATE", "true")
    assert parts.outbound(config.load()) == Outbound(("wiki.example", "*.runbooks.example"), private=True)
