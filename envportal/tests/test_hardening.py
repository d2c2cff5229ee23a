"""What browsers are told, how many requests are answered, and what Django itself says of the settings."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from uuid import uuid4

import pytest
from django.urls import reverse

from environments.models import Token
from envportal import throttle
from envportal.body_limit import BodyLimit
from envportal.headers import headers_alone


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch):
    monkeypatch.setattr(throttle, "counts", throttle.Counts())


def test_a_person_is_answered_so_often_and_no_more(client, settings, editor, viewer):
    settings.REQUESTS_PER_PERSON = 3
    url = reverse("api-me")
    client.force_login(editor)
    assert [client.get(url).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get(url, headers={"authorization": f"Bearer {Token.issue(editor)}"})  # the same person
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    client.force_login(viewer)
    assert client.get(url).status_code == 200


def test_an_address_is_answered_so_often_before_anybody_asks_who_it_is(client, settings, db, django_assert_num_queries):
    settings.REQUESTS_PER_ADDRESS = 2
    bad = {"authorization": "Bearer envp_nonsense"}
    assert [client.get(reverse("api-me"), headers=bad).status_code for _ in range(2)] == [401, 401]
    with django_assert_num_queries(0):
        answer = client.get(reverse("api-me"), headers=bad)
    assert (answer.status_code, answer.headers["Content-Type"]) == (429, "application/json")
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert client.get("/sign-in/").status_code == 200  # pages are not counted here
    assert client.get(reverse("api-me"), headers=bad, REMOTE_ADDR="192.0.2.7").status_code == 401


def test_the_next_minute_begins_anew(monkeypatch):
    moments = iter([0.0, 59.9, 60.0])
    monkeypatch.setattr(throttle.time, "time", lambda: next(moments))
    assert [throttle.counts.add("k") for _ in range(3)] == [1, 2, 1]


@pytest.mark.parametrize("url", ["/sign-in/", "/nowhere/", "/api/nothing"])
def test_every_answer_tells_browsers_what_they_may(client, db, url):
    headers = client.get(url).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"


def test_a_form_of_another_site_is_refused(editor):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(editor)
    assert browser.post(reverse("tokens"), {"name": "n", "scopes": ["read"]}).status_code == 403
    assert browser.post(reverse("api-tokens"), {"name": "n", "scopes": ["read"]}).status_code == 403


def test_django_finds_nothing_to_say_against_the_settings_of_production(tmp_path):
    environ = {
        "PATH": "/usr/bin:/bin", "ENVPORTAL_VAR": str(tmp_path), "SECRET_KEY": "k" * 30 + "abcdefghijklmnopqrstuvwxyz",
        "ENVPORTAL_HTTPS": "on", "ALLOWED_HOSTS": "env.example.org", "ENVPORTAL_ORIGINS": "https://env.example.org",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    program = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SECURE_SSL_REDIRECT, "
        "s.SECURE_HSTS_SECONDS)"
    )
    environ |= {"DJANGO_SETTINGS_MODULE": "envportal.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout.split() == ["True", "True", "True", "True", "31536000"]


@pytest.fixture
def redis_url(db):
    """Where there is Redis; with a database, so that it is asked for again where both are."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if not url.startswith("redis://"):
        pytest.skip("needs Redis")
    return url


def test_web_processes_that_share_redis_count_together(redis_url):
    key = ("person", uuid4())
    one, other = throttle.counts_for(redis_url), throttle.counts_for(redis_url)
    assert [one.add(key), other.add(key), one.add(key), other.add(key)] == [1, 2, 3, 4]
    assert one.add(("person", uuid4())) == 1


def test_a_redis_that_does_not_answer_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counts = throttle.counts_for(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        assert [counts.add("k") for _ in range(50)] == list(range(1, 51))
        assert time.monotonic() - began < 2


def test_without_redis_each_process_counts_by_itself():
    assert isinstance(throttle.counts_for("filesystem://localhost/"), throttle.Counts)


@pytest.mark.parametrize("host", ["testserver", "evil.example.org"])
def test_what_is_answered_before_any_view_tells_browsers_the_same(client, db, host):
    headers = client.get("/sign-in/", HTTP_HOST=host).headers
    assert (headers["X-Frame-Options"], headers["Cache-Control"].split(", ")[-1]) == (
        "DENY",
        "private" if host == "testserver" else "no-cache",
    )


def test_an_answer_outside_of_django_tells_browsers_the_same(settings):
    settings.SECURE_HSTS_SECONDS = 60
    told = {name.decode(): value.decode() for name, value in headers_alone()}
    assert "default-src 'none'" in told.pop("content-security-policy")
    assert told == {
        "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "same-origin",
        "cache-control": "private, no-cache", "strict-transport-security": "max-age=60",
    }  # fmt: skip


def test_a_body_that_is_too_large_is_refused_with_them(db):
    said = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    large = {"type": "http", "path": "/sign-in/", "headers": [(b"content-length", b"999999999")]}
    asyncio.run(BodyLimit(None)(large, receive, send))
    assert said[0]["status"] == 413
    assert set(headers_alone()) <= set(said[0]["headers"])


def test_static_files_are_for_our_own_pages(settings):
    assert settings.WHITENOISE_ALLOW_ALL_ORIGINS is False
    names = [name.rsplit(".", 1)[-1] for name in settings.MIDDLEWARE]
    first = names.index("WhiteNoiseMiddleware")
    assert {"SecurityMiddleware", "CSPMiddleware", "XFrameOptionsMiddleware"} <= set(names[:first])
