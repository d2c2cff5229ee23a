import asyncio
import base64

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed

from events.models import Verb
from events.record import record

from . import uploads
from .access import get_wheel, get_workspace
from .faults import UserFault
from .forms import PageForm
from .tokens import TokenAuthentication, check_scope, find
from .uploads import TooLarge
from .wheels import PrivateWheel, WheelInUse

PAGE = 50
PIECE = 256 * 1024  # bytes


def wheels(request, workspace):
    if request.method == "POST":
        return _upload(request, get_workspace(request, workspace, "environments.add_wheel"))
    return _list(request, get_workspace(request, workspace))


def _upload(request, workspace):
    try:
        wheel, is_new = workspace.add_wheel(uploads.take(request, request.FILES), request.user)
    except UserFault as fault:
        return _list(request, workspace, fault.message, status=413 if isinstance(fault, TooLarge) else 422)
    if not is_new:
        messages.info(request, f"These bytes are here already, as {wheel}.")
    return redirect(wheel)


def _list(request, workspace, fault="", status=200):
    found = workspace.wheels.with_uses().select_related("uploaded_by").order_by("-created", "pk")
    context = {
        "workspace": workspace,
        "section": "wheels",
        "fault": fault,
        "page": Paginator(found, PAGE).get_page(PageForm(request.GET).page_number),
        "most": settings.WHEEL_MB,
    }
    return render(request, "environments/wheels.html", context, status=status)


def wheel(request, workspace, sha256):
    wheel = get_wheel(request, workspace, sha256)
    uses = wheel.versions.select_related("environment").order_by("environment__name", "-number")
    page = Paginator(uses, PAGE).get_page(PageForm(request.GET).page_number)
    for version in page:
        version.environment.workspace = wheel.workspace
    context = {"wheel": wheel, "workspace": wheel.workspace, "section": "wheels", "page": page}
    return render(request, "environments/wheel.html", context)


def delete_wheel(request, workspace, sha256):
    """Say what would go; when it is confirmed, delete it."""
    wheel = get_wheel(request, workspace, sha256, "environments.delete_wheel")
    context = {"wheel": wheel, "workspace": wheel.workspace, "section": "wheels"}
    if request.method != "POST":
        return render(request, "environments/wheel_delete.html", context | {"reason": wheel.why_it_stays()})
    try:
        wheel.delete_unused()
    except WheelInUse as fault:
        return render(request, "environments/wheel_delete.html", context | {"reason": fault.message}, status=409)
    messages.info(request, f"Deleted {wheel}.")
    return redirect("wheels", wheel.workspace.name)


@login_not_required
@require_safe
@never_cache
def wheel_file(request, workspace, sha256, filename):
    """The bytes: for members by session or token, and for whoever holds a signed address."""
    asked = {"workspace__name": workspace, "sha256": sha256, "filename": filename}
    if "signature" in request.GET:
        wheel = PrivateWheel.objects.select_related("workspace").filter(**asked).first()
        if not wheel or not wheel.accepts(request.GET["signature"]):
            return HttpResponse("This address is not valid any more.\n", "text/plain", 403)
        return _send(request, wheel)
    person = _person(request)
    if not person:
        headers = {"WWW-Authenticate": 'Basic realm="envportal: any name, and a token as the password"'}
        return HttpResponse("Sign in, or send a token.\n", "text/plain", 401, headers=headers)
    request.user = person
    get_workspace(request, workspace)
    return _send(request, get_object_or_404(PrivateWheel, **asked))


def _person(request):
    """Who asks: by session, `Authorization: Bearer TOKEN`, or as pip does with a token as the password."""
    if request.user.is_authenticated:
        return request.user
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(rest).decode().partition(":")
        except ValueError:
            return None
        return _let_in(request, find(password or name))
    try:
        known = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        return None
    return _let_in(request, known and known[1])


def _let_in(request, token):
    """The person whom a token lets in here, or None. Raise PermissionDenied for one that may not read."""
    request.auth = token
    if not token:
        return None
    check_scope(request, token)
    return token.user


def _send(request, wheel):
    if not wheel.has_bytes:
        raise Http404
    if request.method == "GET":
        how = {"by": "signed address"} if "signature" in request.GET else None
        record(Verb.DOWNLOADED, wheel, wheel.workspace, after=how)
    pieces = _pieces_later if isinstance(request, ASGIRequest) else _pieces
    headers = {
        "Content-Length": wheel.size,
        "Content-Disposition": f'attachment; filename="{wheel.filename}"',
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{wheel.sha256}"',
    }
    return StreamingHttpResponse(pieces(wheel), content_type="application/octet-stream", headers=headers)


def _pieces(wheel):
    with wheel.open() as file:
        while piece := file.read(PIECE):
            yield piece


async def _pieces_later(wheel):
    """The same for a server that would otherwise gather all of it in memory first."""
    with wheel.open() as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
