"""What of an environment can be changed: description, tags, and where its labels point."""

from django import forms

from . import tags
from .faults import UserFault


class DetailsForm(forms.Form):
    description = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea({"rows": 3}))
    tags = forms.CharField(
        required=False, max_length=40_000, widget=forms.Textarea({"rows": 5, "spellcheck": "false", "class": "mono"})
    )

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", **kwargs)

    @classmethod
    def of(cls, environment):
        return cls(initial={"description": environment.description, "tags": tags.write(environment.tags)})

    def clean_tags(self):
        try:
            return tags.read(self.cleaned_data["tags"])
        except UserFault as fault:
            raise forms.ValidationError(fault.message) from fault

    def save(self, environment, by):
        environment.describe(by, self.cleaned_data["description"], self.cleaned_data["tags"])


class LabelForm(forms.Form):
    label = forms.CharField(required=False, max_length=200, widget=forms.TextInput({"autocomplete": "off"}))
    version = forms.CharField(
        required=False, max_length=70, widget=forms.TextInput({"autocomplete": "off", "placeholder": "3"})
    )

    def __init__(self, data=None, *, environment, **kwargs):
        self.environment = environment
        super().__init__(data, label_suffix="", **kwargs)

    def clean_version(self):
        """The Version that is named, by number or by another label."""
        reference = self.cleaned_data["version"]
        if found := self.environment.named(reference):
            return found
        raise forms.ValidationError(
            f"{self.environment} has no version {reference}." if reference else "Which version?"
        )

    def save(self, by):
        """Return (label, whether it is new), or None with an error at the field."""
        asked, labels = self.cleaned_data, self.environment.labels
        try:
            return labels.point(self.environment, asked["label"], asked["version"], by)
        except UserFault as fault:
            self.add_error(fault.field, fault.message)
            return None
