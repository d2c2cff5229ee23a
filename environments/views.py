from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from . import origins, pip_lines, shelf_views
from .access import get_environment, get_version, get_workspace, require
from .drafts import Draft, Row
from .editing import Editing
from .faults import UserFault
from .forms import CuratedForm, DraftForm, EnvironmentForm, FilterForm, StartForm
from .label_models import Shown
from .models import Environment, Rule, Stage, Version

PAGE = 50
MOST_WHEELS = 20  # that the editor offers
# What an environment may be built on, with the fields that say which.
KINDS = (
    ("", "The portal's own base"),
    ("baseImage", "A base image"),
    ("baseDockerfile", "A Dockerfile"),
    ("buildContext", "A build context"),
)


def environments(request, workspace):
    workspace = get_workspace(request, workspace)
    if workspace.is_shelf:
        return redirect(workspace)
    filters = FilterForm(request.GET)
    found = workspace.environments.with_last_build().prefetch_related("tag_rows")
    found = filters.apply(found.order_by("-changed", "pk"))
    context = {
        "workspace": workspace,
        "filters": filters,
        "page": Paginator(found, PAGE).get_page(filters.page_number),
        "is_filtered": filters.is_narrow,
        "hidden": 0 if filters.is_narrow else workspace.environments.shown(Shown.ARCHIVED).count(),
    }
    return render_part(request, "environments/environments.html", "list", context)


def new_environment(request, workspace):
    workspace = get_workspace(request, workspace, "environments.add_environment")
    return _edit(request, CuratedForm if workspace.is_shelf else EnvironmentForm, workspace)


def environment(request, workspace, name):
    environment = get_environment(request, workspace, name)
    if environment.is_curated:
        return shelf_views.environment(request, environment)
    filters = FilterForm(request.GET)
    filters.is_valid()
    versions = environment.listed_versions(filters.shown).with_last_build().prefetch_related("labels")
    versions = versions.order_by("-number")
    latest = environment.latest
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "latest": latest,
        "offered": origins.offered_to(latest),
        "shown": filters.shown,
        "hidden": 0 if environment.is_archived or filters.shown else environment.versions.shown(Shown.ARCHIVED).count(),
        "page": Paginator(versions, PAGE).get_page(filters.page_number),
    }
    return render(request, "environments/environment.html", context)


def new_version(request, workspace, name):
    environment = get_environment(request, workspace, name, "environments.change_environment")
    return _edit(request, DraftForm, environment.workspace, environment)


def starts(request, workspace):
    """Every environment that one may see, to start a new one from."""
    workspace = get_workspace(request, workspace, "environments.add_environment")
    filters = FilterForm(request.GET)
    filters.is_valid()
    found = Environment.objects.visible_to(request.user).exclude(curation__stage=Stage.ARCHIVED)
    found = found.shown(Shown.ACTIVE).filter(latest_number__gt=0).select_related("workspace")
    found = found.search(filters.cleaned_data.get("q", "")).order_by("workspace__name", "name")
    context = {
        "workspace": workspace,
        "filters": filters,
        "page": Paginator(found, PAGE).get_page(filters.page_number),
        "is_filtered": bool(filters.cleaned_data.get("q")),
    }
    return render_part(request, "environments/starts.html", "list", context)


def version_file(request, workspace, name, number, file):
    """A version in the form of another tool."""
    version = get_version(request, workspace, name, number)
    try:
        content, content_type = version.as_file(file)
    except UserFault as fault:
        return render(
            request, "environments/no_file.html", {"version": version, "fault": fault, "file": file}, status=409
        )
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)


def version(request, workspace, name, number):
    version = get_version(request, workspace, name, number)
    builds = version.builds.select_related("asked_by", "lock", "reused_from").order_by("-created")
    built = builds.filter(status="succeeded").first()
    packages = list(built.lock.packages.all()) if built and built.lock else []
    context = {
        "version": version,
        "refused": version.refusals(),
        "environment": version.environment,
        "workspace": version.place,
        "builds": builds[:5],
        "labels": version.labels.all(),
        "built": built,
        "locks": version.locks.exclude(kept_at=None).select_related("lock").order_by("-kept_at")[:10],
        "asked": _asked(version.definition, packages),
        "transitive": [package for package in packages if not package.direct],
        "packages": packages,
        "variables": list((version.document.get("environmentVariables") or {}).items()),
        "secrets": version.secrets,
        "base_image": version.definition.docker.get("baseImage"),
        "findings": _findings(version),
    }
    return render(request, "environments/version.html", context)


def _findings(version):
    """Those that it was registered with, and what is deprecated since."""
    known = {finding["message"] for finding in version.findings}
    return [*version.findings, *(each.as_dict() for each in version.outdated if each.message not in known)]


def render_part(request, template, part, context, status=200):
    """Answer with the page, or with only its part when htmx swaps that part."""
    wants_part = request.htmx and not request.htmx.boosted
    answer = render(request, f"{template}#{part}" if wants_part else template, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _asked(definition, packages):
    """Each dependency of a definition with the package that it was resolved to, if it was."""
    locked = {(package.manager, package.name): package for package in packages}
    rows = [
        ("conda", spec.name, spec.constraint or spec.url, locked.get(("conda", spec.name)), None)
        for spec in definition.conda
    ]
    for line in definition.pip:
        name, constraint = pip_lines.split(line.text)
        if line.url:
            name, constraint = line.name or line.url, line.wheel.filename if line.wheel else line.url
        rows.append(("pip", name, constraint, locked.get(("pip", line.name)), line.wheel))
    return [{"manager": m, "name": n, "constraint": c, "package": p, "wheel": w} for m, n, c, p, w in rows]


def _edit(request, form_class, workspace, environment=None):
    """The editor: of a first version, or of the next one of an environment."""
    latest = environment and environment.latest
    policy = Rule.objects.policy(workspace)
    edit = request.POST.get("edit", "")
    if request.method != "POST":
        start = _start(request) or latest
        draft, onto = _draft_of(start), _onto(request, start, workspace)
        form = form_class(editing=Editing(onto.rebased.draft if onto else draft, policy, latest))
        form.editing.start = start
        form.initial["origin"] = onto.target.curated_name if onto else _origin_of(start, workspace)
        if not start:
            form.editing.rows.pip.append(Row("pip"))
        return _show(request, form, workspace, environment)
    editing = Editing.posted(request.POST, policy, latest, edit)
    if edit:
        editing.apply(edit, request.FILES)
        if wheel := _named_wheel(workspace, edit):
            editing.add_pip(wheel.line(request.build_absolute_uri("/")))
        return _show(request, form_class.unbound(request.POST, editing), workspace, environment)
    form = form_class(request.POST, editing=editing)
    if form.is_valid():
        if "review" in request.POST:
            there = f"environments/{'review' if latest else 'editor'}.html"  # a first version changes nothing
            return _show(request, form, workspace, environment, there)
        saved = form.save(environment or workspace, request.user)
        if saved:
            return _after_saving(request, *saved)
    return _show(request, form, workspace, environment, status=422)


def _named_wheel(workspace, edit):
    """The private wheel that a button such as `wheel-<sha256>` adds, or None."""
    verb, _, sha256 = edit.partition("-")
    return workspace.wheels.filter(sha256=sha256).first() if verb == "wheel" else None


def _start(request):
    """The version that `?from=workspace/name/number` names, or None."""
    form = StartForm(request.GET)
    if not form.is_valid() or not form.cleaned_data["from"]:
        return None
    return get_version(request, *form.cleaned_data["from"])


def _onto(request, start, workspace):
    """The Offer of the curated version that `?onto=AzureML-Minimal/3` names, on which the draft is laid; or None."""
    if not (request.GET.get("onto") and start and start.origin_id):
        return None
    try:
        target = Version.objects.curated_named(request.GET["onto"])
        return origins.Offer.of(start, target, workspace)
    except UserFault as fault:
        messages.error(request, fault.message)
        return None


def _origin_of(start, workspace):
    """What the next version is made from, as a form says it. Curated ones are made from nothing."""
    origin = start and not workspace.is_shelf and start.origin_for_next
    return origin.curated_name if origin else ""


def _draft_of(version):
    return Draft.of(version.document, version.source or None) if version else Draft()


def _show(request, form, workspace, environment, template="environments/editor.html", status=200):
    context = {
        "form": form,
        "editing": form.editing,
        "workspace": workspace,
        "environment": environment,
        "next_number": environment and environment.last_number + 1,
        "registered": Version.objects.filter(author=request.user).count(),
        "kinds": KINDS,
        "wheels": workspace.wheels.order_by("-created")[:MOST_WHEELS],
        "default_python": settings.DEFAULT_PYTHON,
    }
    part = "findings" if request.POST.get("edit") == "check" else "definition"
    return render_part(request, template, part, context, status)


def _after_saving(request, version, is_new):
    if not is_new:
        archived = ", which is archived" if version.is_archived else ""
        messages.info(request, f"Nothing changed: this is version {version.number} already{archived}.")
    if "build" in request.POST:
        require(request, "builds.add_build", version)
        try:
            return redirect(version.builds.request(version, request.user))
        except UserFault as fault:
            messages.error(request, fault.message)
    return redirect(version)
