"""Who is in a workspace, who is invited, leaving, and new workspaces."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from . import access
from .access import get_member, get_own_membership, get_workspace
from .faults import UserFault
from .forms import PageForm
from .invitations import Gone, Invitation
from .people_forms import ROLES, InvitationForm, MemberForm, WorkspaceForm

PAGE = 50


def new_workspace(request):
    access.may_make_workspaces(request)
    form = WorkspaceForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and (workspace := form.save(request.user)):
        return redirect(workspace)
    return render(request, "environments/new_workspace.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
def people(request, workspace):
    """The list. POST gives somebody a role here, whether or not they had one."""
    if request.method != "POST":
        return _list(request, get_workspace(request, workspace, "environments.view_people"))
    workspace = get_workspace(request, workspace, "environments.change_people")
    form = MemberForm(request.POST)
    if form.is_valid() and (saved := form.save(workspace)):
        member, is_new = saved
        role = member.get_role_display().lower()
        messages.info(request, f"{member.user} is {role} now." if not is_new else f"Added {member.user} as {role}.")
        return redirect("people", workspace.name)
    return _list(request, workspace, form=form, status=422)


@never_cache
@sensitive_variables("made", "text", "link")
def invite(request, workspace):
    """Make an invitation and show its link, this once."""
    workspace = get_workspace(request, workspace, "environments.change_people")
    if request.method != "POST":
        return redirect("people", workspace.name)
    form = InvitationForm(request.POST)
    if form.is_valid() and (made := form.save(workspace, request.user)):
        invitation, text = made
        link = request.build_absolute_uri(reverse("invitation", args=[text]))
        made = {"invitation": invitation, "link": link, "is_sent": invitation.send(link)}
        return _list(request, workspace, made=made)
    return _list(request, workspace, invitation_form=form, status=422)


def _list(request, workspace, form=None, invitation_form=None, made=None, status=200):
    found = workspace.memberships.select_related("user").order_by("-role", "user__username")
    may_change = request.user.has_perm("environments.change_people", workspace)
    sees_invitations = request.user.has_perm("environments.view_invitations", workspace)
    context = {
        "workspace": workspace,
        "section": "people",
        "form": form or MemberForm(),
        "invitation_form": invitation_form or InvitationForm(),
        "made": made,
        "roles": ROLES,
        "may_change": may_change,
        "own_role": getattr(workspace, "my_role", 0),
        "page": Paginator(found, PAGE).get_page(PageForm(request.GET).page_number),
        "invitations": workspace.invitations.open().select_related("by").order_by("-created")
        if sees_invitations
        else (),
    }
    return render(request, "environments/people.html", context, status=status)


def remove_member(request, workspace, person):
    """Say who would go; when it is confirmed, remove them."""
    member = get_member(request, workspace, person, "environments.change_people")
    return _end(request, member, "people", f"Removed {member.user}.")


def leave(request, workspace):
    member = get_own_membership(request, workspace)
    return _end(request, member, "home", f"You left {member.workspace}.")


def _end(request, member, then, said):
    workspace, fault = member.workspace, None
    if request.method == "POST":
        try:
            workspace.remove_member(member.user)
        except UserFault as raised:
            fault = raised
        else:
            messages.info(request, said)
            return redirect(then, *([workspace.name] if then == "people" else []))
    context = {"member": member, "workspace": workspace, "section": "people", "fault": fault}
    return render(request, "environments/member_remove.html", context, status=409 if fault else 200)


@require_POST
def revoke_invitation(request, workspace, pk):
    workspace = get_workspace(request, workspace, "environments.change_people")
    get_object_or_404(workspace.invitations.open(), pk=pk).revoke()
    messages.info(request, "The invitation is taken back. Its link opens nothing any more.")
    return redirect("people", workspace.name)


@never_cache
@sensitive_variables("secret")
def invitation(request, secret):
    """What an invitation offers; POST accepts it. A link that opens nothing (any more) says why."""
    found = Invitation.objects.find(secret)
    why = found.why_not(request.user) if found else "This is no invitation. The link may have been cut off on its way."
    if found and not why and request.method == "POST":
        try:
            found.accept(request.user)
        except Gone as fault:
            why = fault.message
        else:
            return redirect(found.workspace)
    is_member = bool(found) and found.workspace.memberships.filter(user=request.user).exists()
    context = {"invitation": found, "why": why, "is_member": is_member}
    return render(request, "environments/invitation.html", context, status=410 if why else 200)
