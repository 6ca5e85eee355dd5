"""Addresses, credentials, certificates: what is read, and what is never shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from aiops_processor.clients.endpoint import Endpoint, basic_auth, request_headers, tls_context
from aiops_processor.clients.refusal import Source
from aiops_processor.errors import ConfigError

SOURCE = Source("loki", "x")


def test_credentials_in_the_address_become_credentials() -> None:
    endpoint = Endpoint(url="https://ann:p%40ss@loki.example:3100/prefix")
    assert endpoint.url == "https://loki.example:3100/prefix"
    assert (endpoint.username, endpoint.password) == ("ann", SecretStr("p@ss"))
    assert endpoint.host == "loki.example:3100"


def test_credentials_of_their_own_win_over_those_in_the_address() -> None:
    endpoint = Endpoint(url="http://ann:one@x", username="bob", password=SecretStr("two"))
    assert (endpoint.username, endpoint.password) == ("bob", SecretStr("two"))


def test_a_token_stands_in_place_of_a_user() -> None:
    assert basic_auth(Endpoint(url="http://x", token=SecretStr("t"), username="ann")) is None


def test_nothing_secret_is_printed() -> None:
    endpoint = Endpoint(
        url="http://ann:hunter2@x", token=SecretStr("t0ken"), password=SecretStr("pw-pw"), headers={"X-Key": "k3y"}
    )
    assert not [secret for secret in ("hunter2", "t0ken", "pw-pw", "k3y") if secret in repr(endpoint)]


def test_credentials_are_hidden_as_they_are_sent_too() -> None:
    secrets = Endpoint(url="http://ann:hunter2@x", token=SecretStr("t0ken-1")).secrets
    assert set(secrets) == {"t0ken-1", "hunter2", "YW5uOmh1bnRlcjI="}


def test_an_unknown_field_is_an_error_that_does_not_show_the_address() -> None:
    with pytest.raises(ValidationError) as caught:
        Endpoint.model_validate({"url": "http://ann:hunter2@x", "tenat": "a"})
    assert "tenat" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("token", ["tok\nen", "tökén", "tok\x00en"])
def test_a_token_that_no_header_can_hold_is_named_but_not_shown(token: str) -> None:
    with pytest.raises(ConfigError, match="LOKI_TOKEN") as caught:
        request_headers(SOURCE, Endpoint(url="http://x", token=SecretStr(token)))
    assert token not in str(caught.value)


def test_certificates_of_the_system_are_trusted_where_no_file_is_named() -> None:
    assert tls_context(SOURCE, Endpoint(url="https://x")) is True


def test_a_certificate_file_that_is_missing_names_setting_and_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^LOKI_CA_FILE: cannot read .*no\.pem: No such file"):
        tls_context(SOURCE, Endpoint(url="https://x", ca_file=str(tmp_path / "no.pem")))
    with pytest.raises(ConfigError, match=r"^LOKI_CERT_FILE: cannot read .*no\.pem: No such file"):
        tls_context(SOURCE, Endpoint(url="https://x", cert_file=str(tmp_path / "no.pem")))


def test_a_file_that_is_no_certificate_names_setting_and_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"^LOKI_CA_FILE: cannot read .*ca\.pem"):
        tls_context(SOURCE, Endpoint(url="https://x", ca_file=str(tmp_path / "ca.pem")))
