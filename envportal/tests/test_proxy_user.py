"""A header in which a proxy says who it is: believed where settings say so, and from the proxy alone."""

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client

from envportal.proxy_user import ProxyUser

HEADER = {"x-remote-user": "nora"}


@pytest.fixture
def trusted(settings):
    settings.PROXY_USER_HEADER, settings.PROXY_USER_FROM = "X-Remote-User", ["10.0.0.5", "10.1.0.0/16"]
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "envportal.proxy_user.ProxyAccounts"]


def come(headers, address, client=None):
    client = client or Client()
    client.get("/", headers=headers, REMOTE_ADDR=address)
    return client.session.get("_auth_user_id") and get_user_model().objects.get(pk=client.session["_auth_user_id"])


def test_without_the_setting_nobody_is_believed(db):
    assert come(HEADER, "127.0.0.1") is None
    assert not get_user_model().objects.exists()


def test_from_elsewhere_nobody_is_believed(db, trusted):
    for address in ("203.0.113.9", "10.0.0.6", "", "::1"):
        assert come(HEADER, address) is None
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("address", ["10.0.0.5", "10.1.2.3"])
def test_from_the_proxy_somebody_is_signed_in_with_the_least_role(db, trusted, address):
    nora = come(HEADER, address)
    assert (nora.username, nora.has_usable_password(), nora.memberships.count()) == ("nora", False, 0)
    assert not nora.is_staff


def test_who_comes_as_another_or_as_nobody_is_not_the_one_before(db, trusted, editor):
    client = Client()
    assert come(HEADER, "10.0.0.5", client).username == "nora"
    assert come({"x-remote-user": "edgar"}, "10.0.0.5", client) == editor
    assert come({}, "10.0.0.5", client) is None


def test_who_may_not_sign_in_does_not_and_no_name_is_none(db, trusted, editor):
    editor.is_active = False
    editor.save()
    assert come({"x-remote-user": "edgar"}, "10.0.0.5") is None
    assert come({"x-remote-user": "two words/and a slash"}, "10.0.0.5") is None
    assert come({"x-remote-user": " "}, "10.0.0.5") is None


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([(b"x-remote-user", b"nora")], "nora"),
        ([(b"x_remote_user", b"root")], ""),  # which the proxy did not remove
        ([(b"x-remote-user", b"nora"), (b"x_remote_user", b"root")], "nora"),
        ([(b"x-remote-user", b"nora"), (b"x-remote-user", b"root")], ""),
    ],
)
def test_a_header_beside_that_of_the_proxy_is_not_taken_for_it(trusted, headers, told):
    request = AsyncRequestFactory().request(headers=headers, client=("10.0.0.5", 1234), path="/")
    assert ProxyUser(lambda request: HttpResponse())._told(request) == told
