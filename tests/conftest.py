"""What every test may ask for."""

from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings, samples and labelled data beside the checkout; where it is absent the test is skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "recordings").is_dir():
        pytest.skip("needs the shared data beside the checkout")
    return folder
