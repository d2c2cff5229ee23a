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


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ENVPORTAL_RESOLVE_SECONDS", "-5", "greater than or equal to 1"),
        ("ENVPORTAL_BUILD_MEMORY", "0", "greater than or equal to 1"),
        ("ENVPORTAL_WHEEL_MB", "-3", "greater than or equal to 1"),
        ("ENVPORTAL_SUGGEST_SECONDS", "-1", "greater than or equal to 0"),
        ("ENVPORTAL_DEFAULT_PYTHON", "banana", "A Python is written as 3.12."),
        ("ENVPORTAL_CUDA", "new", "A version of CUDA is written as 12.4."),
        ("DATABASE_URL", "nonsense", "Not a valid database URL."),
        ("CELERY_BROKER_URL", "nonsense", "A broker is written as redis://host:6379/0."),
        ("ENVPORTAL_EMAIL", "nonsense", "A mail server is written as smtp+tls://"),
        ("ENVPORTAL_ORIGINS", "env.example.org", "An address begins with https:// and has a host."),
        ("ENVPORTAL_INDEX_URL", "nonsense", "An address begins with https:// and has a host."),
        ("ENVPORTAL_URL", "https://", "An address begins with https:// and has a host."),
        ("ENVPORTAL_CHANNEL_MIRRORS", "abc", "Mirrors are written as name=address,name=address."),
        ("ENVPORTAL_CHANNEL_MIRRORS", "a=nowhere", "An address begins with https:// and has a host."),
        ("ENVPORTAL_WEBHOOK_NETWORKS", "abc", "abc is no address and no network."),
        ("ENVPORTAL_BUILDS_PER_WORKSPACE", "", "Not a valid integer."),
        ("PORT", "70000", "less than or equal to 65535"),
    ],
)
def test_a_wrong_value_says_of_which_setting_it_is(check, name, value, says):
    code, told = check(SECRET_KEY="k" * 50, **{name: value})
    assert code
    (line,) = [line for line in told.splitlines() if line.startswith(f"  {name}: ")]
    assert says in line


def test_right_values_of_these_are_taken(check):
    right = {
        "ENVPORTAL_DEFAULT_PYTHON": "3.12", "ENVPORTAL_CUDA": "12.4", "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
        "ENVPORTAL_ORIGINS": "https://env.example.org,http://localhost:8000", "ENVPORTAL_SUGGEST_SECONDS": "0.5",
        "ENVPORTAL_CHANNEL_MIRRORS": "a=https://m.example.org/a, b=file:///srv/b", "ENVPORTAL_INDEX_URL": "",
    }  # fmt: skip
    assert check(SECRET_KEY="k" * 50, **right)[0] == 0
