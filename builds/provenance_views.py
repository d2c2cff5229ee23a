"""How to check what was downloaded, and what that takes. For everybody: who has a file need not have an account."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from . import verify
from .models import SigningKey

PEM = "application/x-pem-file"
SCRIPT = Path(verify.__file__)


@login_not_required
@require_safe
def page(request):
    context = {
        "keys": SigningKey.objects.all(),
        "portal": settings.PUBLIC_URL.rstrip("/"),
        "section": "provenance",
    }
    return render(request, "builds/provenance.html", context)


@login_not_required
@require_safe
def keys(request):
    """All public keys in one file, the newest first."""
    return _file(SigningKey.objects.as_pem(), PEM, "keys.pem")


@login_not_required
@require_safe
def key(request, keyid):
    return _file(get_object_or_404(SigningKey, keyid=keyid).pem, PEM, f"{keyid[:16]}.pem")


@login_not_required
@require_safe
def script(request):
    """The script that checks a file without the portal."""
    return _file(SCRIPT.read_bytes(), "text/x-python; charset=utf-8", "verify.py")


def _file(content, content_type, filename):
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)
