"""The provider of the settings as allauth wants to be told of it. Pure."""

from hashlib import sha256


def provider_id(issuer):
    return f"oidc-{sha256(issuer.encode()).hexdigest()[:12]}"


def providers(name, issuer, client, secret, scopes):
    """Return allauth's SOCIALACCOUNT_PROVIDERS, a dict, of texts and a list of scopes."""
    app = {
        "provider_id": provider_id(issuer),
        "name": name,
        "client_id": client,
        "secret": secret,
        "settings": {"server_url": issuer, "scope": scopes},
    }
    return {"openid_connect": {"provider_class": "envportal.oidc.Provider", "OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
