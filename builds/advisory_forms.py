from datetime import timedelta

from django import forms
from django.utils import timezone
from packaging.utils import canonicalize_name

from environments.faults import UserFault
from environments.texts import can_be_kept

from .advisory_models import LONGEST_REASON, Advisory, Ignored
from .cvss import WORDS

SUGGESTED = timedelta(days=90)


class AdvisoryFilterForm(forms.Form):
    """Which advisories somebody looks for. What cannot be meant is nothing that anybody finds."""

    package = forms.CharField(required=False, max_length=255)
    name = forms.CharField(required=False, max_length=100, label="Id or CVE")
    severity = forms.ChoiceField(
        required=False, choices=[("", "Any severity"), *((word, word.capitalize()) for word in WORDS)]
    )

    def clean(self):
        if not all(can_be_kept(value) for value in self.cleaned_data.values()):
            raise forms.ValidationError("This holds characters that are not text.")
        return self.cleaned_data

    @property
    def found(self):
        if not self.is_valid():
            return Advisory.objects.none()
        asked, found = self.cleaned_data, Advisory.objects.all()
        if asked["package"]:
            found = found.about(canonicalize_name(asked["package"]))
        if asked["name"]:
            found = found.named(asked["name"])
        return found.filter(severity=asked["severity"]) if asked["severity"] else found


class IgnoreForm(forms.Form):
    """Why an advisory is ignored, and until when."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=LONGEST_REASON, widget=forms.Textarea({"rows": 3})
    )
    until = forms.DateField(label="Last day", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, data=None):
        super().__init__(data, label_suffix="", initial={"until": timezone.localdate() + SUGGESTED})

    def save(self, advisory, workspace, by):
        """Return the Ignored, or None with an error at the field."""
        try:
            return Ignored.objects.ignore(advisory, workspace, by=by, **self.cleaned_data)
        except UserFault as fault:
            self.add_error(fault.field, fault.message)
            return None
