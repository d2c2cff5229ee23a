"""People of the portal: who has an account, what they are on the whole portal, and whether they may sign in."""

from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from . import password_links, portal_people
from .access import require_portal
from .faults import UserFault
from .forms import PageForm
from .models import Session, Workspace
from .portal_people_forms import ActForm, NewPersonForm, PeopleForm

PAGE = 50
NAMED = 10  # workspaces without an owner that are named
SECTION = {"section": "administration"}
VIEW, CHANGE = "environments.view_portal_people", "environments.change_portal_people"


@never_cache
def portal_people_list(request):
    require_portal(request, VIEW)
    filters = PeopleForm(request.GET)
    found = filters.find(portal_people.people())
    page = Paginator(found, PAGE).get_page(filters.page_number)
    for person in page:
        person.standings = portal_people.standings(person)
    context = SECTION | {"filters": filters, "page": page, "may_change": request.user.has_perm(CHANGE)}
    return render(request, "administration/people.html", context)


@never_cache
def new_person(request):
    require_portal(request, CHANGE)
    form = NewPersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return redirect("portal-person", form.save().pk)
    status = 422 if form.is_bound else 200
    return render(request, "administration/new_person.html", SECTION | {"form": form}, status=status)


@never_cache
def portal_person(request, pk):
    """One of them. POST gives or takes a role, or says whether they may sign in."""
    require_portal(request, CHANGE if request.method == "POST" else VIEW)
    person = get_object_or_404(portal_people.people(), pk=pk)
    form = ActForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return _show(request, person)
    try:
        form.do(person)
    except UserFault as fault:
        return _show(request, person, fault=fault.message, status=409)
    return redirect("portal-person", pk)


@never_cache
@require_POST
@sensitive_variables("path", "link")
def password_link(request, pk):
    """Make a link by which this person sets a password, and show it, this once."""
    require_portal(request, CHANGE)
    person = get_object_or_404(portal_people.people(), pk=pk)
    try:
        path = password_links.make(person)
    except UserFault as fault:
        return _show(request, person, fault=fault.message, status=409)
    link = {"address": request.build_absolute_uri(path), "is_sent": password_links.send(person, path)}
    return _show(request, person, link=link)


def _show(request, person, fault="", link=None, status=200):
    members = person.memberships.select_related("workspace").order_by("workspace__name")
    alone = Workspace.objects.only_owned_by(person) if person.is_active else Workspace.objects.none()
    context = SECTION | {
        "person": person,
        "standings": portal_people.standings(person),
        "fault": fault,
        "link": link,
        "hours": password_links.HOURS,
        "sessions": Session.objects.of(person).count(),
        "tokens": person.tokens.count(),
        "alone": list(alone[:NAMED]),
        "alone_count": alone.count(),
        "may_change": request.user.has_perm(CHANGE),
        "page": Paginator(members, PAGE).get_page(PageForm(request.GET).page_number),
    }
    return render(request, "administration/person.html", context, status=status)
