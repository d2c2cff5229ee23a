"""Forms about people: who is in a workspace, who is invited, and new workspaces."""

from django import forms

from .faults import UserFault
from .invitations import Invitation
from .models import Role, Workspace, active_user

ROLES = [(role.value, role.label) for role in Role]


class RoleField(forms.TypedChoiceField):
    def __init__(self, **kwargs):
        super().__init__(choices=ROLES, coerce=lambda value: Role(int(value)), **kwargs)


class MemberForm(forms.Form):
    """A person by the name that they sign in with, and the role that they get."""

    person = forms.CharField(
        max_length=150, label="Name", widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"})
    )
    role = RoleField(initial=Role.VIEWER.value)

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", **kwargs)

    def save(self, workspace):
        """Return (membership, whether it is new), or None with an error at the field."""
        try:
            return workspace.set_member(active_user(self.cleaned_data["person"]), self.cleaned_data["role"])
        except UserFault as fault:
            self.add_error("role" if fault.field == "role" else "person", fault.message)
            return None


class InvitationForm(forms.Form):
    email = forms.EmailField(
        required=False, max_length=254, label="E-mail address", widget=forms.EmailInput({"autocomplete": "off"})
    )
    role = RoleField(initial=Role.VIEWER.value)

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", auto_id="id_invited_%s", **kwargs)

    def save(self, workspace, by):
        """Return (invitation, the secret of its link), or None with an error."""
        try:
            return Invitation.make(workspace, self.cleaned_data["role"], by, self.cleaned_data["email"])
        except UserFault as fault:
            self.add_error(None, fault.message)
            return None


class WorkspaceForm(forms.Form):
    name = forms.SlugField(
        max_length=63,
        error_messages={"invalid": "A name has letters, digits, hyphens and underscores."},
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", **kwargs)

    def save(self, by):
        """Return the workspace, or None with an error at the field."""
        try:
            return Workspace.objects.make(self.cleaned_data["name"], by)
        except UserFault as fault:
            self.add_error("name", fault.message)
            return None
