from datetime import datetime, time, timedelta

from django import forms
from django.utils import timezone

from .faults import UserFault
from .models import Workspace
from .token_models import SCOPES, Token

DAYS = 90  # after which a token ends unless somebody says otherwise
MOST_WORKSPACES = 200  # that are offered

TEXTS = {
    "read": "Read: look at and download what you may see",
    "write": "Write: make and change what you may change",
    "build": "Build: build, cancel and rebuild, where you may",
}


def in_days():
    return timezone.localdate() + timedelta(days=DAYS)


class TokenForm(forms.Form):
    """A new token of a person."""

    name = forms.CharField(max_length=100, label="What it is for", widget=forms.TextInput({"autocomplete": "off"}))
    scopes = forms.MultipleChoiceField(
        choices=[(scope, TEXTS[scope]) for scope in SCOPES], widget=forms.CheckboxSelectMultiple, initial=["read"]
    )
    workspace = forms.ModelChoiceField(
        Workspace.objects.none(), required=False, to_field_name="name", empty_label="Every workspace you are in"
    )
    expires = forms.DateField(
        required=False, label="Last day", initial=in_days, widget=forms.DateInput({"type": "date"})
    )

    def __init__(self, user, data=None):
        super().__init__(data, label_suffix="")
        self.user = user
        self.fields["workspace"].queryset = Workspace.objects.worked_in_by(user)

    def save(self):
        """Return (token, its text), or None with an error at the field."""
        asked = self.cleaned_data
        day = asked["expires"]
        end = day and timezone.make_aware(datetime.combine(day, time.max))
        try:
            return Token.make(self.user, asked["name"], asked["scopes"], asked["workspace"], end)
        except UserFault as fault:
            self.add_error(fault.field or None, fault.message)
            return None
