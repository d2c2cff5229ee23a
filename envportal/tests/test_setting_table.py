"""What the page of settings says: each with its value, default and origin; README and it know the same."""

import re

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from envportal import setting_table
from envportal import settings as module
from envportal.setting_words import GROUPS, SECRET

NAMES = {name for group in GROUPS.values() for name in group}
README = (django_settings.BASE_DIR / "README.md").read_text()


def names_of_readme():
    """Those of the table, with `…_X` written out: the beginning is that of the one before."""
    found = set()
    for row in re.findall(r"^\| (`[^|]+) \|", README.partition("\n## Settings")[2].partition("\n## ")[0], re.MULTILINE):
        first = ""
        for name in re.findall(r"`([^`]+)`", row):
            first = first or name
            if name.startswith("…"):
                ends = [known for known in NAMES if known.endswith(name[1:]) and known.startswith("ENVPORTAL_")]
                shared = max(ends, key=lambda known: len(common(known, first)))
                found.add(shared)
            else:
                found.add(name)
    return found


def common(a, b):
    return a[: next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))]


def test_the_page_knows_every_setting_that_is_read():
    assert set(module.env._fields) <= NAMES


def test_readme_and_page_know_the_same_settings():
    assert names_of_readme() == NAMES


def test_a_value_comes_from_the_environment_the_file_or_the_default(monkeypatch, tmp_path):
    (tmp_path / "settings.env").write_text("ENVPORTAL_KEEP_LAST=7\nENVPORTAL_WHEEL_MB=9\nSECRET_KEY=hunter22\n")
    monkeypatch.setattr(module, "VAR", tmp_path)
    for name in ("ENVPORTAL_KEEP_LAST", "ENVPORTAL_CACHE_MB", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENVPORTAL_WHEEL_MB", "8")
    rows = {row.name: row for row in setting_table.table()}
    told = {
        name: (rows[name].value, rows[name].source)
        for name in ("ENVPORTAL_KEEP_LAST", "ENVPORTAL_WHEEL_MB", "ENVPORTAL_CACHE_MB", "SECRET_KEY")
    }
    assert told == {
        "ENVPORTAL_KEEP_LAST": ("7", "settings.env"),
        "ENVPORTAL_WHEEL_MB": ("8", "environment variable"),
        "ENVPORTAL_CACHE_MB": ("20000", "default"),
        "SECRET_KEY": ("set", "settings.env"),
    }
    assert rows["ENVPORTAL_KEEP_LAST"].default == "3"


@pytest.mark.parametrize("name", ["settings", "api-settings"])
def test_no_secret_is_shown(client, administrator, monkeypatch, name):
    for secret in SECRET:
        monkeypatch.setenv(secret, "hunter22hunter22hunter22hunter22")
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal:hunter22@db.example.org/x")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hunter22@redis.example.org:6379/0")
    monkeypatch.setenv("ENVPORTAL_EMAIL", "smtp+tls://user:hunter22@mail.example.org:587")
    monkeypatch.setenv("ENVPORTAL_INDEX_URL", "https://user:hunter22@index.example.org/simple/")
    monkeypatch.setenv("ENVPORTAL_CHANNEL_MIRRORS", "a=https://user:hunter22@h.example.org/t/hunter22xx/c")
    client.force_login(administrator)
    text = client.get(reverse(name)).content.decode()
    assert "hunter22" not in text
    assert "db.example.org" in text


def test_a_misspelt_setting_is_said_without_its_value(client, administrator, monkeypatch, tmp_path):
    (tmp_path / "settings.env").write_text("ENVPORTAL_WHEELS_MB=9\n")
    monkeypatch.setattr(module, "VAR", tmp_path)
    monkeypatch.setenv("ENVPORTAL_OIDC_SECRTE", "hunter22")
    told = [(row.name, row.source) for row in setting_table.table() if row.group == "Not known"]
    assert told == [("ENVPORTAL_OIDC_SECRTE", "environment variable"), ("ENVPORTAL_WHEELS_MB", "settings.env")]
    client.force_login(administrator)
    page = client.get(reverse("settings")).content.decode()
    assert "2 settings not known" in page
    assert "hunter22" not in page
