"""Fail when a file is over 500 lines or a function over 60: past that nobody reads them (see CONTRIBUTING.md)."""

import ast
import sys
from pathlib import Path

MOST_FILE_LINES = 500
MOST_FUNCTION_LINES = 60


def main() -> int:
    findings = [finding for path in python_files() for finding in too_long(path)]
    print("\n".join(findings) or "sizes: fine")
    return 1 if findings else 0


def python_files() -> list[Path]:
    return sorted(
        path for top in ("src", "tests", "benchmarks", "scripts", "examples") for path in Path(top).rglob("*.py")
    )


def too_long(path: Path) -> list[str]:
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    found = [f"{path}: {lines} lines, at most {MOST_FILE_LINES}"] if lines > MOST_FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > MOST_FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name}: {size} lines, at most {MOST_FUNCTION_LINES}")
    return found


if __name__ == "__main__":
    sys.exit(main())
