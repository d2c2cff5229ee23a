from django import forms

from environments.faults import UserFault
from environments.label_names import REFERENCE
from environments.models import Version

from .models import Status


class RunFilterForm(forms.Form):
    """Which runs a list shows. A value that makes no sense is an error at its field, and filters nothing."""

    environment = forms.CharField(required=False, max_length=255)
    version = forms.RegexField(
        f"^({REFERENCE})$", required=False, error_messages={"invalid": "A version is a number, or a label."}
    )
    person = forms.CharField(required=False, max_length=255)
    script = forms.CharField(required=False, max_length=1000)
    status = forms.ChoiceField(choices=[("", "Any state"), *Status.choices], required=False)
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")

    FIELDS = {
        "environment": "version__environment__name",
        "person": "person",
        "script": "script",
        "status": "status",
    }

    def clean(self):
        if any("\0" in str(value) for value in self.cleaned_data.values()):
            raise forms.ValidationError("This holds characters that are not text.")
        return self.cleaned_data

    def apply(self, runs):
        """Return those of the runs that match."""
        self.is_valid()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        runs = runs.filter(**{self.FIELDS[name]: value for name, value in asked.items() if name in self.FIELDS})
        if reference := asked.get("version"):
            runs = runs.filter(version__in=Version.objects.called(reference))
        return runs.started_between(asked.get("since"), asked.get("until"))

    def apply_or_raise(self, runs):
        """As `apply`, for a caller that is told of the first value that makes no sense."""
        found = self.apply(runs)
        for field, faults in self.errors.items():
            raise UserFault(faults[0], "" if field == "__all__" else field)
        return found

    @property
    def is_narrow(self):
        return any(self.cleaned_data.values())
