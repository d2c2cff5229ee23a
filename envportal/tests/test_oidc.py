"""Signing in at a real OpenID Connect provider on loopback, over real HTTP, as a browser goes."""

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import get_user_model
from django.urls import reverse

from environments.models import Membership, PortalRole, Role, Workspace
from envportal import oidc_app
from envportal.tests.oidc_provider import CLIENT, SECRET, OidcProvider
from events.models import Event, Verb

pytestmark = pytest.mark.django_db(transaction=True)
ROLES = ["admins=administrator", "audit=auditor", "ml=team:editor", "leads=team:owner", "nowhere=lost:viewer"]


@pytest.fixture
def provider(settings):
    provider = OidcProvider()
    settings.OIDC_ISSUER, settings.OIDC_CLIENT, settings.OIDC_SECRET = provider.issuer, CLIENT, SECRET
    settings.OIDC_NAME, settings.OIDC_ROLES = "Example account", ROLES
    settings.OIDC_PROVIDER = oidc_app.provider_id(provider.issuer)
    settings.SOCIALACCOUNT_PROVIDERS = oidc_app.providers(
        "Example account", provider.issuer, CLIENT, SECRET, ["openid", "email"]
    )
    yield provider
    provider.close()


@pytest.fixture
def come(live_server, provider):
    """Go to the provider and come back, as a browser of its own. Return (the last answer, the browser)."""

    def come(browser=None, then=""):
        browser = browser or requests.Session()
        where = f"{live_server.url}{reverse('oidc-sign-in')}"
        return browser.get(where, params={"next": then} if then else {}, timeout=20), browser

    return come


def people():
    return set(get_user_model().objects.values_list("username", flat=True))


def test_the_sign_in_page_leads_there(come, live_server):
    page = requests.get(f"{live_server.url}/sign-in/?next=/audit/", timeout=20).text
    assert 'href="/sign-in/oidc/?next=/audit/"' in page
    assert "Continue with Example account" in page


def test_who_comes_for_the_first_time_has_the_least_role(come, workspace):
    answer, _ = come()
    assert (answer.status_code, answer.request.path_url) == (200, "/")
    assert "You are not a member of any workspace yet" in answer.text
    nora = get_user_model().objects.get()
    assert (nora.username, nora.first_name, nora.email, nora.is_staff, nora.is_superuser) == (
        "nora",
        "Nora",
        "",
        False,
        False,
    )
    assert not nora.has_usable_password()
    assert not nora.memberships.exists()
    assert not nora.portal_roles.exists()
    signed_in = Event.objects.get(verb=Verb.SIGNED_IN)
    assert (signed_in.person, signed_in.address) == ("nora", "127.0.0.1")


def test_who_comes_again_is_the_same_whatever_their_name_is_now(come, provider):
    come()
    provider.claims["preferred_username"] = "nora.new"
    come()
    assert people() == {"nora"}


def test_a_name_that_somebody_has_opens_no_account_of_theirs(come, person, provider):
    person("nora", email="nora@example.org")
    provider.claims |= {"email": "nora@example.org", "email_verified": True}
    come()
    other = get_user_model().objects.exclude(username="nora").get()
    assert SocialAccount.objects.get().user == other


@pytest.mark.parametrize(
    ("verified", "kept"), [({"email_verified": True}, "n@example.org"), ({"email_verified": False}, ""), ({}, "")]
)
def test_an_address_is_kept_where_the_provider_verified_it(come, provider, verified, kept):
    provider.claims |= {"email": "n@example.org"} | verified
    come()
    assert get_user_model().objects.get().email == kept


def test_one_comes_where_one_wanted_to_go_and_to_no_other_host(come, live_server):
    answer, browser = come(then="/audit/")
    assert answer.request.path_url == "/audit/"
    answer, _ = come(then="https://example.org/")
    assert answer.url == f"{live_server.url}/"
    answer, _ = come(browser, then="//example.org/")  # who is signed in already
    assert answer.url == f"{live_server.url}/"


# Groups


def test_groups_give_roles_and_take_them_back(come, provider, workspace):
    provider.claims["groups"] = ["ml", "audit", "nowhere", "other"]
    come()
    nora = get_user_model().objects.get()
    member = Membership.objects.get(user=nora)
    assert (member.role, member.given) == (Role.EDITOR, 0)
    assert [(role.kind, role.is_mapped) for role in nora.portal_roles.all()] == [("auditor", True)]
    by = Event.objects.filter(kind__in=["membership", "portal role"]).values_list("person", "about")
    assert set(by) == {("groups of the identity provider", "nora")}
    provider.claims["groups"] = ["leads"]
    come()
    assert (Membership.objects.get(user=nora).role, nora.portal_roles.count()) == (Role.OWNER, 0)
    provider.claims["groups"] = []
    come()
    assert not Membership.objects.filter(user=nora).exists()


def test_roles_that_people_gave_stay(come, provider, workspace):
    provider.claims["groups"] = []
    come()
    nora = get_user_model().objects.get()
    workspace.set_member(nora, Role.VIEWER)
    PortalRole.objects.create(user=nora, kind="auditor")
    provider.claims["groups"] = ["leads", "audit"]
    come()
    assert Membership.objects.get(user=nora).role == Role.OWNER
    assert nora.portal_roles.count() == 2
    provider.claims["groups"] = []
    come()
    assert Membership.objects.get(user=nora).role == Role.VIEWER
    assert [role.is_mapped for role in nora.portal_roles.all()] == [False]


def test_a_group_makes_an_administrator_and_no_longer(come, provider):
    def nora_is():
        return get_user_model().objects.values_list("is_superuser", "is_staff").get(username="nora")

    provider.claims["groups"] = ["admins"]
    come()
    assert nora_is() == (True, True)
    provider.claims["groups"] = []
    come()
    assert nora_is() == (False, False)
    # One who is so by hand stays so.
    get_user_model().objects.update(is_superuser=True, is_staff=True)
    provider.claims["groups"] = ["admins"]
    come()
    provider.claims["groups"] = []
    come()
    assert nora_is() == (True, True)


def test_groups_may_be_told_beside_the_id_token(come, provider, workspace):
    provider.in_userinfo = {"groups": ["ml"]}
    come()
    assert Membership.objects.get().role == Role.EDITOR


# What is not believed


def refused(answer, sentence):
    assert answer.status_code == 403
    assert sentence in answer.text
    assert people() == set()
    assert not Event.objects.filter(verb=Verb.SIGNED_IN).exists()


@pytest.mark.parametrize(
    ("what", "value", "why"),
    [
        ("nonce", "another", "has another nonce"),
        ("nonce", "", "has another nonce"),
        ("aud", "another-client", "Audience doesn't match"),
        ("aud", [CLIENT, "another-client"], "was made for another party"),  # and no azp that says whose it is
        ("iss", "https://login.example.org", "Invalid issuer"),
        ("exp", 1_000_000_000, "Signature has expired"),
        ("sub", "", "uid must be a non-empty string"),
    ],
)
def test_an_id_token_for_somebody_else_or_another_time(come, provider, caplog, what, value, why):
    provider.in_id_token = provider.in_userinfo = {what: value}
    refused(come()[0], "could not be verified")
    assert why in caplog.text


def test_a_signature_that_is_not_the_providers(come, provider, caplog):
    provider.signs_with = rsa.generate_private_key(65537, 2048)
    refused(come()[0], "could not be verified")
    assert "Signature verification failed" in caplog.text


@pytest.mark.parametrize(("algorithm", "key"), [("HS256", SECRET * 2), ("none", None)])
def test_a_signature_by_what_is_no_secret_of_the_provider(come, provider, caplog, algorithm, key):
    provider.algorithm, provider.signs_with = algorithm, key
    refused(come()[0], "could not be verified")
    assert "The specified alg value is not allowed" in caplog.text


def test_what_is_told_beside_the_token_about_somebody_else(come, provider):
    provider.in_userinfo = {"sub": "another"}
    refused(come()[0], "could not be verified")


def test_a_code_that_another_browser_began(come, provider, live_server):
    mine = requests.Session()
    began = mine.get(f"{live_server.url}{reverse('oidc-sign-in')}", allow_redirects=False, timeout=20)
    back = requests.get(began.headers["Location"], allow_redirects=False, timeout=20).headers["Location"]
    refused(requests.get(back, timeout=20), "began in another browser")
    assert mine.get(back, timeout=20).url == f"{live_server.url}/"
    again = requests.Session()
    again.cookies.update(mine.cookies)
    assert again.get(back, timeout=20).status_code == 403  # it works once


def test_a_code_without_the_verifier_that_belongs_to_it(come, provider, live_server):
    mine, other = requests.Session(), requests.Session()
    began = [
        each.get(f"{live_server.url}{reverse('oidc-sign-in')}", allow_redirects=False, timeout=20).headers["Location"]
        for each in (mine, other)
    ]
    backs = [requests.get(url, allow_redirects=False, timeout=20).headers["Location"] for url in began]
    code = backs[1].split("code=")[1].split("&")[0]
    state = backs[0].split("state=")[1]
    refused(
        mine.get(f"{live_server.url}{reverse('oidc-callback')}?code={code}&state={state}", timeout=20),
        "could not be verified",
    )


def test_who_does_not_consent(come, provider):
    provider.denies = True
    refused(come()[0], "Example account did not let you in.")


def test_who_may_not_sign_in_any_more(come, provider):
    come()
    get_user_model().objects.update(is_active=False)
    answer, _ = come()
    assert (answer.status_code, "may not sign in any more" in answer.text) == (403, True)
    assert Event.objects.filter(verb=Verb.SIGNED_IN).count() == 1


def test_a_provider_that_does_not_answer(come, provider, settings):
    provider.close()
    answer, _ = come()
    assert answer.status_code == 502
    assert "Example account cannot be reached just now." in answer.text


def test_not_any_number_begins_from_one_address(come, provider, monkeypatch):
    monkeypatch.setattr("envportal.oidc.MOST", 1)
    come()
    answer, _ = come()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 301


def test_another_issuer_is_another_provider(come, provider, settings):
    come()
    settings.OIDC_PROVIDER = "oidc-another"
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["provider_id"] = "oidc-another"
    come()
    assert len(people()) == 2


def test_without_a_provider_there_is_no_such_address(client, db):
    assert client.get(reverse("oidc-sign-in")).status_code == 404
    assert client.get(reverse("oidc-callback")).status_code == 404
    assert "Continue with" not in client.get("/sign-in/").content.decode()


def test_an_administrator_unties_an_account_and_makes_none(come, client, administrator):
    come()
    client.force_login(administrator)
    account = SocialAccount.objects.get()
    assert client.get(reverse("admin:socialaccount_socialaccount_add")).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": account.pk, "post": "yes"}
    client.post(reverse("admin:socialaccount_socialaccount_changelist"), chosen)
    assert not SocialAccount.objects.exists()
    event = Event.objects.get(verb=Verb.DELETED)
    assert (event.person, event.kind, event.about) == ("root", "social account", "nora")


def test_a_workspace_of_that_name_that_comes_later_counts_from_then_on(come, provider):
    provider.claims["groups"] = ["ml"]
    come()
    assert not Membership.objects.exists()
    Workspace.objects.create(name="team")
    come()
    assert Membership.objects.get().role == Role.EDITOR
