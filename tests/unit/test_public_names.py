"""What a program that embeds the analysis may import, and what it pays for that."""

import subprocess
import sys

import pytest

import aiops_processor
from aiops_processor.library import AlertAnalyzer


def test_every_public_name_is_there_and_no_other() -> None:
    assert aiops_processor.AlertAnalyzer is AlertAnalyzer
    assert all(getattr(aiops_processor, name) for name in aiops_processor.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Unknown'"):
        _ = aiops_processor.Unknown


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, aiops_processor; print(*sorted({'numpy', 'pydantic', 'sqlalchemy', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
