"""How to check what was downloaded, and what that takes. For everybody: who has a file need not have an account."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from . import verify
from .models import SigningKey

PEM = "application/x-pem-file"
SCRIPT = Path(verify.__file__)
BY_SCRIPT = """\
curl -O {portal}{keys}
curl -O {portal}{script}
pip install cryptography
python verify.py science-3.tar.zst --provenance science-3.tar.zst.intoto.json --key keys.pem"""
BY_OPENSSL = r"""sed -n 's/.*"payload": "\([^"]*\)".*/\1/p' science-3.intoto.json | base64 -d > payload
sed -n 's/.*"sig": "\([^"]*\)".*/\1/p' science-3.intoto.json | base64 -d > signature
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' $(wc -c < payload) | cat - payload > signed
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature
grep -o '"subject":\[[^]]*\]' payload | grep -o $(sha256sum < science-3.cdx.json | cut -c 1-64)"""


@login_not_required
@require_safe
def page(request):
    portal = settings.PUBLIC_URL.rstrip("/")
    context = {
        "keys": SigningKey.objects.all(),
        "script": BY_SCRIPT.format(portal=portal, keys=reverse("signing-keys"), script=reverse("verify-script")),
        "openssl": BY_OPENSSL,
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
