"""How the portal is asked by its own processes, which come past the proxy."""

from django.conf import settings
from django.http.request import validate_host


def headers(host):
    """What a proxy would send: a name that the portal answers to, and the scheme that people use."""
    scheme = {"X-Forwarded-Proto": "https" if settings.HTTPS else "http"}
    names = [name for name in settings.ALLOWED_HOSTS if name[:1] not in ("*", ".")]
    return scheme if validate_host(host, settings.ALLOWED_HOSTS) or not names else scheme | {"Host": names[0]}
