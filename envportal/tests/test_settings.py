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


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ENVPORTAL_OIDC_ISSUER": "https://login.example.org"}, ["ENVPORTAL_OIDC_CLIENT", "ENVPORTAL_OIDC_SECRET"]),
        ({"ENVPORTAL_OIDC_ISSUER": "http://login.example.org"}, ["begins with https://"]),
        ({"ENVPORTAL_OIDC_ROLES": "ml=team:king"}, ["“ml=team:king” is not group=role or group=workspace:role."]),
        ({"ENVPORTAL_OIDC_ROLES": "auditor"}, ["Roles here are administrator, curator, auditor."]),
        ({"ENVPORTAL_PROXY_USER_HEADER": "X-Remote-User"}, ["ENVPORTAL_PROXY_USER_FROM"]),
        (
            {"ENVPORTAL_PROXY_USER_HEADER": "X-Remote-User", "ENVPORTAL_PROXY_USER_FROM": "proxy"},
            ["proxy is no address and no network."],
        ),
        ({"ENVPORTAL_PROXY_USER_HEADER": "X Remote"}, ["ENVPORTAL_PROXY_USER_HEADER"]),
        ({"ENVPORTAL_WORKSPACES_BY": "nobody"}, ["ENVPORTAL_WORKSPACES_BY"]),
    ],
)
def test_who_may_come_in_is_said_whole_or_not_at_all(check, variables, said):
    code, told = check(SECRET_KEY="k" * 50, **variables)
    assert code
    assert all(text in told for text in said)


def test_who_may_come_in_said_whole(check):
    oidc = {
        "ISSUER": "https://login.example.org",
        "CLIENT": "envportal",
        "SECRET": "s",
        "ROLES": "a=auditor,b=team:editor",
    }
    variables = {f"ENVPORTAL_OIDC_{name}": value for name, value in oidc.items()}
    proxy = {"ENVPORTAL_PROXY_USER_HEADER": "X-Remote-User", "ENVPORTAL_PROXY_USER_FROM": "10.0.0.5,10.1.0.0/16"}
    mail = {"ENVPORTAL_EMAIL": "smtp+tls://user:p%40ss@mail.example.org:587"}
    assert check(SECRET_KEY="k" * 50, **variables, **proxy, **mail) == (
        0,
        "System check identified no issues (0 silenced).\n",
    )
