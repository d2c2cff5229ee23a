import subprocess
import sys

import pytest


@pytest.fixture
def check(tmp_path):
    """Run `manage.py check` with these variables alone; return (exit code, what it said)."""

    def check(**variables):
        environ = {"PATH": "/usr/bin:/bin", "ENVPORTAL_VAR": str(tmp_path)} | variables
        ended = subprocess.run(
            [sys.executable, "manage.py", "check"], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr

    return check


def test_a_secret_has_no_default(check):
    code, said = check()
    assert code
    assert "SECRET_KEY" in said
    assert "make install" in said


def test_everything_that_is_wrong_is_said_at_once(check):
    code, said = check(ENVPORTAL_BUILD_MEMORY="much", ENVPORTAL_BUILDS_AT_ONCE="two")
    assert code
    assert all(name in said for name in ("SECRET_KEY", "ENVPORTAL_BUILD_MEMORY", "ENVPORTAL_BUILDS_AT_ONCE"))
    assert "DATABASE_URL" not in said


def test_debug_alone_needs_no_secret(check):
    assert check(DEBUG="1")[0] == 0


def test_the_file_of_settings_is_read_and_the_environment_wins(check, tmp_path):
    (tmp_path / "settings.env").write_text("SECRET_KEY=x\nENVPORTAL_BUILDS_AT_ONCE=two\n")
    assert "ENVPORTAL_BUILDS_AT_ONCE" in check()[1]
    assert check(ENVPORTAL_BUILDS_AT_ONCE="3")[0] == 0
