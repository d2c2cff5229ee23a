"""Signing in at an OpenID Connect provider: the code flow with PKCE, a nonce, and an id token that is checked here.

django-allauth keeps the state, talks to the provider and makes accounts. What it leaves out where a token came over
TLS is done too: the signature, the nonce, and that what is told beside the token is about the same person.
"""

import logging
import secrets

import jwt
from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from requests import RequestException

from environments import group_roles
from events.actor import address_of
from events.models import Tally
from events.tally import hidden

log = logging.getLogger(__name__)
# No "none", and nothing that is signed with a secret both sides know.
ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"]
LEEWAY = 60  # seconds that clocks may differ
MUST_SAY = ["iss", "sub", "aud", "exp", "iat"]
# How many may begin from one address in so many seconds: each makes a session, and asks the provider.
MOST, STRETCH = 300, 300
# What a provider, or what is on the way to it, may do wrong.
FAULTS = (OAuth2Error, RequestException, jwt.PyJWTError, KeyError, TypeError, ValueError)


class Refused(Exception):
    """A sentence for the person. What lies behind it is in the log."""


def name():
    """What the provider is called; empty where there is none."""
    return settings.OIDC_NAME if settings.OIDC_ISSUER else ""


def verify(id_token, keys, issuer, client, nonce):
    """Return the claims of an id token, as a dict. Raise one of FAULTS. After OpenID Connect Core, 3.1.3.7."""
    kid = jwt.get_unverified_header(id_token).get("kid")
    fitting = [
        key
        for key in jwt.PyJWKSet.from_dict(keys).keys
        if key.public_key_use in (None, "sig") and kid in (None, key.key_id)
    ]
    if not fitting:
        raise OAuth2Error("the provider has no key that the id token names")
    options = {"require": MUST_SAY}
    claims = jwt.decode(
        id_token, fitting[0], algorithms=ALGORITHMS, audience=client, issuer=issuer, leeway=LEEWAY, options=options
    )
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client:
        raise OAuth2Error("the id token was made for another party")
    if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
        raise OAuth2Error("the id token has another nonce than was asked for")
    return claims


class Adapter(OpenIDConnectOAuth2Adapter):
    def get_callback_url(self, request, app):
        return request.build_absolute_uri(reverse("oidc-callback"))

    def login_with(self, code, state):
        """Return (what allauth calls a social login, the claims about the person). Raise one of FAULTS."""
        provider = self.get_provider()
        client = self.get_client(self.request, provider.app)
        answer = client.get_access_token(code, pkce_code_verifier=state["pkce_code_verifier"])
        claims = verify(answer["id_token"], self._keys(), settings.OIDC_ISSUER, settings.OIDC_CLIENT, state["nonce"])
        claims = self._told(answer["access_token"], claims["sub"]) | claims
        login = provider.sociallogin_from_response(self.request, claims)
        login.state = state
        return login, claims

    def _keys(self):
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            return answer.json()

    def _told(self, token, sub):
        """What the provider tells beside the id token, such as groups; nothing where it tells nothing."""
        if "userinfo_endpoint" not in self.openid_config:
            return {}
        told = self._fetch_user_info(token)
        if told["sub"] != sub:
            raise OAuth2Error("what is told beside the id token is about somebody else")
        return told


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Adapter

    def wk_server_url(self, url):
        return super().wk_server_url(url.rstrip("/"))

    def extract_uid(self, data):
        return str(data["sub"])

    def extract_extra_data(self, data):
        """Nothing of a person is kept that is not needed."""
        return {}

    def extract_common_fields(self, data):
        fields = super().extract_common_fields(data)
        return fields if data.get("email_verified") is True else fields | {"email": None}

    def extract_email_addresses(self, data):
        return []

    def cleanup_email_addresses(self, email, addresses, email_verified=False):
        """The address stands with the person and is none that allauth keeps and verifies."""
        return email


class SocialAdapter(DefaultSocialAccountAdapter):
    def list_apps(self, request, provider=None, client_id=None):
        """The one of the settings; a row of the database makes no other."""
        return [app for app in super().list_apps(request, provider, client_id) if app.pk is None]

    def pre_social_login(self, request, sociallogin):
        if sociallogin.is_existing and not sociallogin.user.is_active:
            raise Refused("Your account may not sign in any more. Ask an administrator of this portal.")


class AccountAdapter(DefaultAccountAdapter):
    def add_message(self, *args, **kwargs):
        """That it worked one sees."""


def _provider(request):
    if not settings.OIDC_ISSUER:
        raise Http404("There is no provider to sign in at.")
    return get_adapter().get_provider(request, settings.OIDC_PROVIDER)


def _refuse(request, sentence, status=403):
    context = {"oidc": name(), "refused": sentence}
    return render(request, "registration/login.html", context, status=status)


@never_cache
@login_not_required
def sign_in(request):
    """Send somebody to the provider, to come back to `?next=`."""
    provider, then = _provider(request), request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(then, {request.get_host()}, request.is_secure()):
        then = reverse("home")
    if request.user.is_authenticated:
        return redirect(then)
    address = address_of(request.META, settings.PROXIES)
    count, wait = Tally.objects.add("oidc", hidden("address", address), STRETCH)
    if count > MOST:
        answer = _refuse(request, "Too many sign-ins began from your address. Try again in some minutes.", 429)
        answer["Retry-After"] = str(int(wait) + 1)
        return answer
    nonce = secrets.token_urlsafe(24)
    try:
        return provider.redirect(request, "login", next_url=then, nonce=nonce, auth_params={"nonce": nonce})
    except FAULTS:
        log.exception("the OpenID Connect provider does not answer as it should")
        return _refuse(request, f"{name()} cannot be reached just now. Local accounts can sign in.", 502)


@never_cache
@login_not_required
def callback(request):
    """Somebody comes back from the provider."""
    provider = _provider(request)
    # Used up, whatever comes of it.
    state_id = request.GET.get("state", "")
    state = statekit.unstash_state(request, provider_id=provider.sub_id, state_id=state_id)
    if not state:
        return _refuse(request, "This began in another browser, or too long ago. Begin again.")
    if "code" not in request.GET:
        return _refuse(request, f"{name()} did not let you in.")
    try:
        login, claims = provider.get_oauth2_adapter(request).login_with(request.GET["code"], state)
    except FAULTS:
        log.exception("somebody came back from the OpenID Connect provider with what cannot be believed")
        return _refuse(request, f"What {name()} said could not be verified. An administrator finds why in the log.")
    try:
        return _let_in(request, login, claims)
    except Refused as fault:
        return _refuse(request, str(fault))


@transaction.atomic
def _let_in(request, login, claims):
    answer = complete_social_login(request, login)
    if not request.user.is_authenticated:
        raise Refused(f"{name()} said too little to make an account of.")
    groups = claims.get(settings.OIDC_GROUPS_CLAIM) or []
    groups = [groups] if isinstance(groups, str) else [str(group) for group in groups]
    group_roles.follow(login.user, groups, settings.OIDC_ROLES)
    return answer
