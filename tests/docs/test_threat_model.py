"""The threat model names tests that exist, and what it says of pages and of the repository holds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
TEMPLATES = sorted((TOP / "src" / "aiops_processor" / "web" / "console" / "templates").glob("*.html"))


def functions(file: str) -> set[str]:
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name in functions(file)


def test_every_boundary_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row.rsplit("|", 2)[1]] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_of_a_page_carries_the_key(template: Path) -> None:
    forms = re.findall(r"<form\b.*?</form>", template.read_text(encoding="utf-8"), re.DOTALL)
    changing = [form for form in forms if re.search(r'method="?post', form, re.IGNORECASE)]
    assert [form for form in changing if 'name="csrf"' not in form] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_a_style_inside(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=|\son\w+=|javascript:", text) == []


def test_a_planted_key_is_found_in_the_repository(tmp_path: Path) -> None:
    script = str(TOP / "scripts" / "check_secrets.py")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notes.txt").write_text("nothing\n")
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    assert subprocess.run([sys.executable, script], cwd=tmp_path).returncode == 0
    (tmp_path / "notes.txt").write_text("key = AKIA" + "Z7VRSQ5TJN2XMPLW\n")
    found = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, "notes.txt:1" in found.stdout) == (1, True)
