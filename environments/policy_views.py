"""The rules that definitions obey: those of the portal, and those of a workspace with the portal's that bind it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from envportal import setting_table

from . import policy
from .access import get_policy_scope, get_rule
from .models import Rule
from .policy_forms import KindForm, RuleForm, kinds_of

PAGE = 50


@never_cache
def policies(request, workspace=None):
    """The list, of one kind or of all."""
    scope = get_policy_scope(request, workspace, "view")
    filters = KindForm(request.GET)
    found = Rule.objects.binding(scope).select_related("workspace").order_by("kind", "subject", "constraint", "pk")
    counts = _counts(found, scope)
    if filters.chosen:
        found = found.filter(kind=filters.chosen)
    verb = "environments.change_policy" if scope else "environments.change_portal_policy"
    context = _context(scope) | {
        "page": Paginator(found, PAGE).get_page(filters.page_number),
        "kinds": counts,
        "total": sum(count for *_, count in counts),
        "chosen": filters.chosen,
        "may_change": request.user.has_perm(verb, scope),
        "prefixes": setting_table.row("ENVPORTAL_RESERVED_PREFIXES"),
        "known_images": len(policy.DEPRECATED_IMAGES),
        "known_pythons": len(policy.PYTHON_ENDS),
    }
    return render(request, "environments/policies.html", context)


def _counts(rules, scope):
    """[(kind, its words, how many there are)]"""
    there = list(rules.values_list("kind", flat=True))
    return [
        (kind.value, kind.label, there.count(kind.value))
        for kind in Rule.Kind
        if kind in kinds_of(scope) or kind in there
    ]


def new_policy(request, workspace=None):
    """`?kind=` says which; without it the page asks."""
    scope = get_policy_scope(request, workspace, "change")
    kind = KindForm(request.GET).chosen
    if kind not in kinds_of(scope):
        return render(request, "environments/policy_kinds.html", _context(scope) | {"kinds": kinds_of(scope)})
    return _edit(request, scope, Rule(workspace=scope, kind=kind))


def policy_rule(request, pk, workspace=None):
    """A rule, to be changed."""
    rule = get_rule(request, workspace, pk, "change")
    return _edit(request, rule.workspace, rule)


def _edit(request, scope, rule):
    words = rule.words
    form = RuleForm(request.POST if request.method == "POST" else None, rule=rule)
    if form.is_valid() and form.save():
        messages.info(request, "The rule is kept. It holds from now on.")
        return redirect(_list_of(scope))
    context = _context(scope) | {"form": form, "rule": rule, "words": words}
    return render(request, "environments/policy_rule.html", context, status=422 if form.is_bound else 200)


def delete_policy(request, pk, workspace=None):
    """Say what would be allowed then; when it is confirmed, delete it."""
    rule = get_rule(request, workspace, pk, "change")
    scope = rule.workspace
    if request.method != "POST":
        return render(request, "environments/policy_delete.html", _context(scope) | {"rule": rule})
    rule.delete()
    messages.info(request, "The rule is gone.")
    return redirect(_list_of(scope))


def _list_of(scope):
    return reverse("policies", args=[scope.name]) if scope else reverse("portal-policies")


def _context(scope):
    """What every page about rules says of where it is."""
    context = {"scope": scope, "section": "policies" if scope else "administration", "list_url": _list_of(scope)}
    if scope:
        return context | {"workspace": scope, "new_url": reverse("policy-new", args=[scope.name])}
    return context | {"new_url": reverse("portal-policy-new")}
