"""Our own certificate and its renewal."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from aiops_processor.errors import ConfigError
from aiops_processor.web.edge.tls import Certificate


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        [*command, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    return certificate, key


def test_changed_files_are_taken_up_and_a_pair_that_does_not_fit_is_not(tmp_path: Path) -> None:
    certificate, key = make(tmp_path, "first")
    other, other_key = make(tmp_path, "second")
    kept = Certificate(str(certificate), str(key))
    assert kept.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not kept.renew(), "nothing has changed"
    shutil.copy(other, certificate)
    assert not kept.renew(), "the key is still the old one"
    shutil.copy(other_key, key)
    assert kept.renew()
    certificate.unlink()
    assert not kept.renew()


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert Certificate.of("", "") is None
    with pytest.raises(ConfigError, match="both API_TLS_CERT and API_TLS_KEY"):
        Certificate.of("cert.pem", "")
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        Certificate.of(str(tmp_path / "nowhere.pem"), str(tmp_path / "nowhere.key"))
