"""Pages of locks: one lock, a version resolved anew, and what of that is kept."""

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import get_version
from environments.faults import Refused, UserFault
from environments.forms import PageForm

from . import preview, sbom
from .access import get_lock
from .lock_forms import KeepForm, PlatformForm
from .lock_page import LockPage
from .models import Lock, VersionLock
from .refresh import look

PAGE = 100
MOST_BROUGHT = 10  # packages that were asked for, until somebody wants to see all


class PackagesForm(PageForm):
    """Which packages of a lock are shown, and of which one it is said why it is here: `why=pip/numpy`."""

    q = forms.CharField(required=False, max_length=200)
    why = forms.CharField(required=False, max_length=300)
    brings = forms.ChoiceField(choices=[("all", "all")], required=False)

    def asked(self, name):
        self.is_valid()
        return self.cleaned_data.get(name) or ""


@require_safe
def lock(request, digest):
    page, form = LockPage(get_lock(request, digest), request.user), PackagesForm(request.GET)
    text, chosen = form.asked("q"), form.asked("why")
    rows = page.packages(text)
    context = {
        "chosen": chosen,
        "picture": page.why(tuple(chosen.split("/", 1))) if chosen else None,
        "brought": page.brought[: None if form.asked("brings") else MOST_BROUGHT] if not chosen else [],
        "lock": page.lock,
        "about": page,
        "version": page.version,
        "environment": page.version.environment,
        "workspace": page.version.workspace,
        "text": text,
        "page": Paginator(rows, PAGE).get_page(form.page_number),
    }
    return render(request, "builds/lock.html", context)


@require_safe
def lock_file(request, digest, file):
    """A lock in the form of another tool."""
    page = LockPage(get_lock(request, digest), request.user)
    try:
        content, content_type = page.lock.as_file(file, page.version, request.build_absolute_uri("/"))
    except UserFault as fault:
        context = {"thing": page.lock, "title": f"lock {page.lock}", "fault": fault, "file": file}
        return render(request, "builds/no_lock_file.html", context, status=409)
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)


@require_safe
def lock_bill(request, digest):
    """The software bill of materials of a lock, whether or not anybody built it."""
    return as_bill(LockPage(get_lock(request, digest), request.user))


def as_bill(page):
    text = page.lock.as_bill(page.version, settings.PUBLIC_URL)
    filename = f"{page.version.environment}-{page.version.number}.cdx.json"
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type=sbom.CONTENT_TYPE, headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def refresh(request, workspace, name, number):
    """Ask whether to resolve a version anew; POST does, and shows what that would change."""
    version = get_version(request, workspace, name, number, permission="builds.move_lock")
    form = PlatformForm(request.GET)
    context = {
        "version": version,
        "environment": version.environment,
        "workspace": version.workspace,
        "platform": form.chosen,
        "is_for_here": form.is_for_here,
        "kept": Lock.objects.kept(version.reuse_key, form.chosen),
        "seconds": settings.PREVIEW_SECONDS,
    }
    if request.method == "POST":
        asker = (request.session.session_key, request.path, form.chosen)
        try:
            context["found"] = look(version, request.user, asker, form.chosen)
        except preview.Superseded:
            context["not_answered"] = "The same was asked again meanwhile, so this answer was not waited for."
        except (preview.Crowded, Refused) as fault:
            context["not_answered"] = fault
    template = "builds/refresh.html"
    return render(request, f"{template}#answer" if request.htmx and not request.htmx.boosted else template, context)


@require_POST
def keep_lock(request, workspace, name, number):
    """Keep a lock that was looked at. Where builds can show that it works, they decide."""
    version = get_version(request, workspace, name, number, permission="builds.move_lock")
    form = KeepForm(request.POST)
    if not form.is_valid():
        raise Http404("This names no lock.")
    try:
        lock = VersionLock.objects.lock_of(version, form.cleaned_data["lock"])
        VersionLock.objects.adopt(version, lock, request.user)
    except UserFault as fault:
        raise Http404(fault.message) from fault
    return redirect(lock)
