"""What answers tell browsers and proxies, where Django and its middleware do not say it."""

from csp.utils import build_policy
from django.conf import settings


class Private:
    """What no view says is for its person alone, and is asked for again: nothing is shown after signing out."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        answer = self.get_response(request)
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        return answer


def headers_alone():
    """The headers, as ASGI has them, of an answer that does not come through Django's middleware."""
    told = {
        "content-security-policy": build_policy(),
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
        "referrer-policy": settings.SECURE_REFERRER_POLICY,
        "cache-control": "private, no-cache",
    }
    if settings.SECURE_HSTS_SECONDS:
        told["strict-transport-security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return [(name.encode(), value.encode()) for name, value in told.items()]
