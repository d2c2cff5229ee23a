"""What a build gives, as pages and files."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from environments.faults import UserFault

from . import artifact_files, pack
from .access import get_build
from .artifact_models import ARCHIVE, PROVENANCE, is_signed
from .models import ArchiveOrder, Build


def given(build):
    """What the part of the page about artifacts says of a build."""
    files = [
        {"name": artifact.name, "words": pack.WORDS[artifact.name], "artifact": artifact}
        for artifact in pack.artifacts_of(build)
    ]
    names = {file["name"] for file in files}
    has_archive = ARCHIVE in names
    order = None if has_archive else ArchiveOrder.objects.filter(build=build.supplier).first()
    found = {"files": files, "has_archive": has_archive, "is_signed": PROVENANCE in names, "order": order}
    return found | {"can_be_archived": bool(build.supplier.prefix)}


@require_safe
def artifact(request, pk, name):
    build = get_build(request, pk)
    return artifact_files.answer(request, find(build, name), build)


def find(build, name):
    """The Artifact of this name, if it is there."""
    found = next((artifact for artifact in pack.artifacts_of(build) if artifact.name == name), None)
    if not found:
        raise Http404
    return found


@login_not_required
@require_safe
def signed_artifact(request, pk, name):
    """The same for whoever holds an address that a member got a few minutes ago."""
    if not is_signed(pk, name, request.GET.get("signature", "")):
        return HttpResponse("This address is not valid any more.\n", "text/plain", 403)
    build = get_object_or_404(Build.objects.with_subject().select_related("lock"), pk=pk)
    return artifact_files.answer(request, find(build, name), build)


@require_POST
def order_archive(request, pk):
    build = get_build(request, pk, "builds.make_archive")
    try:
        ArchiveOrder.objects.order(build, request.user)
    except UserFault as fault:
        return render(request, "builds/no_archive.html", {"build": build, "fault": fault}, status=409)
    return redirect(f"{build.get_absolute_url()}#artifacts")


@require_safe
@never_cache
def artifacts(request, pk):
    """The part of the page, asked for again while an archive is made."""
    build = get_build(request, pk)
    if not request.htmx:
        return redirect(f"{build.get_absolute_url()}#artifacts")
    may_archive = request.user.has_perm("builds.make_archive", build)
    context = {"build": build, "given": given(build), "may_archive": may_archive}
    return render(request, "builds/artifacts.html", context)
