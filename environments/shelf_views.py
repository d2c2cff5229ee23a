"""The shelf: curated environments to choose from, one of them, taking one, and what curators do."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from . import origins
from .access import get_environment
from .faults import UserFault
from .forms import PageForm
from .label_models import Shown
from .models import Curation, Environment, Stage, Version, Workspace
from .portal_roles import curates
from .shelf_forms import LifecycleForm, ShelfForm, UseForm
from .shelf_models import affected, runners

PAGE = 30
VERSIONS = 20  # that the page of one shows
MOST_MINE = 50


def require_curator(request):
    if not curates(request.user):
        raise PermissionDenied("Curators look after curated environments. Administrators say who is one.")


def shelf(request):
    filters = ShelfForm(request.GET)
    found = filters.apply(Environment.objects.on_shelf())
    context = {
        "section": "shelf",
        "shelf": Workspace.objects.shelf(),
        "filters": filters,
        "page": Paginator(found, PAGE).get_page(filters.page_number),
        "hardware": Environment.objects.curated().shown(Shown.ACTIVE).tag_values("hardware"),
    }
    wants_part = request.htmx and not request.htmx.boosted
    answer = render(request, "environments/shelf.html#list" if wants_part else "environments/shelf.html", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def get_curated(request, name, permission="environments.view_environment"):
    return get_environment(request, Workspace.objects.shelf().name, name, permission)


def environment(request, environment, form=None, status=200):
    """The page of one, which is also where one takes it."""
    latest = environment.latest
    versions = environment.versions.with_last_build().select_related("author").order_by("-number")
    if latest and not form and environment.curation.stage != Stage.ARCHIVED:
        form = UseForm(version=latest, user=request.user)
    mine = Environment.objects.made_from(environment).filter(workspace__in=Workspace.objects.visible_to(request.user))
    context = {
        "section": "shelf",
        "environment": environment,
        "workspace": environment.used_in or environment.workspace,
        "curation": environment.curation,
        "latest": latest,
        "versions": versions[:VERSIONS],
        "form": form,
        "mine": mine.select_related("workspace").order_by("workspace__name", "name")[:MOST_MINE],
    }
    return render(request, "environments/curated.html", context, status=status)


def use(request, name):
    """Make an environment of one's own from a curated one, with packages more."""
    curated = get_curated(request, name)
    version = curated.latest
    if request.method != "POST":
        return redirect(curated)
    if not version:
        raise Http404("It has no version yet.")
    version.environment = curated
    form = UseForm(request.POST, version=version, user=request.user)
    saved = form.save(request.user) if form.is_valid() else None
    if not saved:
        return environment(request, curated, form, status=422)
    return redirect(("build" in request.POST and _built(request, saved)) or saved)


def _built(request, version):
    """The build that is asked for; None, and why is said, where policy or quota are against it."""
    try:
        return version.builds.request(version, request.user)
    except UserFault as fault:
        messages.error(request, fault.message)
        return None


def lifecycle(request, name):
    require_curator(request)
    curated = get_curated(request, name)
    curation = Curation.objects.with_subject().get(environment=curated)
    form = LifecycleForm(request.POST or None, curation=curation, stage=request.GET.get("stage"))
    if form.is_bound and form.is_valid() and form.save(request.user):
        return redirect(curated)
    copies, ran = affected(curated), runners([curated])[curated.pk]
    context = {
        "section": "shelf",
        "environment": curated,
        "workspace": curated.workspace,
        "form": form,
        "curation": curation,
        "affected": copies,
        "runners": ran,
        "told_count": len(copies) + len(ran),
    }
    return render(request, "environments/lifecycle.html", context, status=422 if form.is_bound else 200)


def endings(request):
    """Who uses what is about to end: curators see all of it, others what they may see."""
    page = Paginator(Curation.objects.ending().with_subject(), PAGE).get_page(PageForm(request.GET).page_number)
    seen = None if curates(request.user) else Workspace.objects.worked_in_by(request.user)
    Curation.objects.tell_users(page.object_list, seen)
    context = {
        "section": "shelf",
        "page": page,
        "sees_all": seen is None,
        "mine": set(Workspace.objects.worked_in_by(request.user).values_list("pk", flat=True)),
        "edited": set(Workspace.objects.edited_by(request.user).values_list("pk", flat=True)),
    }
    return render(request, "environments/endings.html", context)


def origin(request, workspace, name):
    """What the copy of a curated environment would be on a newer one: looked at, then registered by one click."""
    verb = "change" if request.method == "POST" else "view"
    environment = get_environment(request, workspace, name, f"environments.{verb}_environment")
    latest, offer, fault = environment.latest, None, None
    target = _target(request) or origins.offered_to(latest)
    if not target and request.method == "POST":
        fault = UserFault("Nothing newer is there.")
    if target:
        try:
            offer = origins.Offer.of(latest, target, environment.workspace)
            if request.method == "POST":
                return _move(request, environment, offer)
        except UserFault as raised:
            fault = raised
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "latest": latest,
        "target": target,
        "offer": offer,
        "fault": fault,
        "next_number": environment.latest_number + 1,
    }
    return render(request, "environments/origin.html", context, status=422 if fault else 200)


def _target(request):
    """The curated version that `?to=AzureML-Minimal/3` names, or None."""
    text = request.POST.get("to") or request.GET.get("to", "")
    if not text:
        return None
    try:
        return Version.objects.curated_named(text)
    except UserFault as fault:
        raise Http404(fault.message) from fault


def _move(request, environment, offer):
    version, is_new = offer.register(environment, request.user)
    if not is_new:
        messages.info(request, f"Nothing changed: this is version {version.number} already.")
    is_wanted = "build" in request.POST and request.user.has_perm("builds.add_build", version)
    if is_wanted and (build := _built(request, version)):
        return redirect(build)
    return redirect(f"{environment.get_absolute_url()}diff/?from={offer.latest.number}&to={version.number}")
