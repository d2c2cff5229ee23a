# The two commands: `make run` and `make test`. Both set up what they need, and can be called again and again.
.PHONY: run test install demo check pins clean
.DEFAULT_GOAL := run

VENV := .venv
PY := $(VENV)/bin/python
# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VAR := $(or $(ENVPORTAL_VAR),var)

run: install
	@$(PY) manage.py serve

install: $(VENV)/installed $(VAR)/settings.env $(VAR)/static/staticfiles.json

test: $(VENV)/installed-for-tests $(VAR)/settings.env
	$(PY) -m pytest -n auto --dist worksteal $(ARGS)

demo: install
	@$(PY) manage.py demo

check: $(VENV)/installed-for-tests $(VAR)/settings.env
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/djade --check $$(git ls-files '*.html')
	$(VENV)/bin/django-upgrade --target-version 5.2 $$(git ls-files '*.py')
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "envportal needs Python 3.11 or newer, and none was found on PATH."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Setting up with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-for-tests: requirements-test.txt $(VENV)/installed
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@

# The secret that this portal signs sessions with; made once, read by nobody else.
$(VAR)/settings.env: | $(VENV)/bin/python
	@mkdir -p $(VAR)
	@$(PY) -c 'import os, secrets; \
		f = os.open("$@", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600); \
		os.write(f, f"SECRET_KEY={secrets.token_urlsafe(50)}\n".encode())'

$(VAR)/static/staticfiles.json: $(VENV)/installed $(VAR)/settings.env $(shell find static -type f)
	@$(PY) manage.py collectstatic --noinput --clear --verbosity 0

# Exact pins from what pyproject.toml asks for.
pins: $(VENV)/installed
	$(VENV)/bin/uv pip compile --quiet --universal --upgrade --no-header --no-annotate pyproject.toml -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --universal --upgrade --no-header --no-annotate --constraints requirements.txt \
		pyproject.toml --group test -o requirements-test.txt

# What `make install` made. The database and what was built stay.
clean:
	rm -rf $(VENV) $(VAR)/static
