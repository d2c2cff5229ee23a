"""Signing in at an OpenID Connect provider."""

from django.conf import settings


def name():
    """What the provider is called; empty where there is none."""
    return settings.OIDC_NAME if settings.OIDC_ISSUER else ""
