"""Which builds of a workspace a list shows."""

from django import forms

from environments.faults import UserFault

from .step_models import Status


class BuildFilterForm(forms.Form):
    """A value that makes no sense is an error at its field, and filters nothing."""

    environment = forms.CharField(required=False, max_length=255)
    status = forms.ChoiceField(choices=[("", "Any state"), *Status.choices], required=False, label="State")

    FIELDS = {"environment": "version__environment__name", "status": "status"}

    def apply(self, builds):
        """Return those of the builds that match."""
        self.is_valid()
        return builds.filter(**{self.FIELDS[name]: value for name, value in self.cleaned_data.items() if value})

    def apply_or_raise(self, builds):
        """As `apply`, for a caller that is told of the first value that makes no sense."""
        found = self.apply(builds)
        for field, faults in self.errors.items():
            raise UserFault(faults[0], field)
        return found

    @property
    def is_narrow(self):
        return any(self.cleaned_data.values())
