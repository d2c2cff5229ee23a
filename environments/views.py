from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from .access import get_environment, get_version, get_workspace, require
from .forms import DefinitionForm, EnvironmentForm, FilterForm

PAGE = 50


def environments(request, workspace):
    workspace = get_workspace(request, workspace)
    filters = FilterForm(request.GET)
    found = filters.apply(workspace.environments.with_last_build().order_by("-changed", "pk"))
    context = {
        "workspace": workspace,
        "filters": filters,
        "page": Paginator(found, PAGE).get_page(filters.page_number),
        "is_filtered": bool(filters.cleaned_data.get("q") or filters.cleaned_data.get("state")),
    }
    return render_part(request, "environments/environments.html", "list", context)


def new_environment(request, workspace):
    workspace = get_workspace(request, workspace, "environments.add_environment")
    if "edit" in request.POST:
        form = EnvironmentForm.after_edit(request.POST, request.POST["edit"])
        return _editor(request, form, workspace)
    form = EnvironmentForm(request.POST or None)
    saved = form.is_valid() and form.save(workspace, request.user)
    if saved:
        return _after_saving(request, *saved)
    return _editor(request, form, workspace)


def environment(request, workspace, name):
    environment = get_environment(request, workspace, name)
    filters = FilterForm(request.GET)
    filters.is_valid()
    versions = environment.versions.with_last_build().select_related("author").order_by("-number")
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "latest": environment.latest,
        "page": Paginator(versions, PAGE).get_page(filters.page_number),
    }
    return render(request, "environments/environment.html", context)


def new_version(request, workspace, name):
    environment = get_environment(request, workspace, name, "environments.change_environment")
    base = environment.latest
    if "edit" in request.POST:
        form = DefinitionForm.after_edit(request.POST, request.POST["edit"], base=base)
        return _editor(request, form, environment.workspace, environment)
    form = DefinitionForm(request.POST or None, base=base)
    if form.is_valid():
        return _after_saving(request, *form.save(environment, request.user))
    return _editor(request, form, environment.workspace, environment)


def version(request, workspace, name, number):
    version = get_version(request, workspace, name, number)
    builds = version.builds.select_related("asked_by", "lock", "reused_from").order_by("-created")
    built = builds.filter(status="succeeded").first()
    packages = list(built.lock.packages.all()) if built and built.lock else []
    context = {
        "version": version,
        "environment": version.environment,
        "workspace": version.workspace,
        "builds": builds[:5],
        "built": built,
        "asked": _asked(version.definition, packages),
        "transitive": [package for package in packages if not package.direct],
        "packages": packages,
        "variables": list((version.document.get("environmentVariables") or {}).items()),
        "base_image": (version.document.get("docker") or {}).get("baseImage"),
    }
    return render(request, "environments/version.html", context)


def render_part(request, template, part, context, status=200):
    """Answer with the page, or with only its part when htmx swaps that part."""
    wants_part = request.htmx and not request.htmx.boosted
    answer = render(request, f"{template}#{part}" if wants_part else template, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _asked(definition, packages):
    """Each dependency of a definition with the package that it was resolved to, if it was."""
    locked = {(package.manager, package.name): package for package in packages}
    rows = [("conda", spec.name, spec.constraint, None) for spec in definition.conda]
    for line in definition.pip:
        constraint = line.text[len(line.requirement.name) :].strip()
        rows.append(("pip", line.requirement.name, constraint, locked.get(("pip", line.name))))
    return [{"manager": m, "name": n, "constraint": c, "package": p} for m, n, c, p in rows]


def _editor(request, form, workspace, environment=None):
    context = {"form": form, "workspace": workspace, "environment": environment}
    status = 422 if form.is_bound else 200
    return render_part(request, "environments/editor.html", "packages", context, status)


def _after_saving(request, version, is_new):
    if not is_new:
        messages.info(request, f"Nothing changed: this is version {version.number} already.")
    if "build" in request.POST:
        require(request, "builds.add_build", version)
        return redirect(version.builds.request(version, request.user))
    return redirect(version)
