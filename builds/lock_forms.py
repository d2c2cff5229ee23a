"""What a request says about locks."""

from django import forms

from . import refresh


class PlatformForm(forms.Form):
    """The platform that a lock is for; a value that makes no sense is our own."""

    platform = forms.ChoiceField(choices=[(each, each) for each in refresh.PLATFORMS], required=False)

    @property
    def chosen(self):
        return (self.is_valid() and self.cleaned_data["platform"]) or refresh.PLATFORMS[0]

    @property
    def is_for_here(self):
        """Whether builds of this portal can install it."""
        return self.chosen == refresh.PLATFORMS[0]


class DigestField(forms.RegexField):
    """The digest of a lock."""

    def __init__(self, **kwargs):
        super().__init__(r"^[0-9a-f]{64}$", **kwargs)


class BuildForm(forms.Form):
    """Which packages a build installs: those that are kept, those of a lock, or newly resolved ones."""

    lock = DigestField(required=False)
    refresh = forms.BooleanField(required=False)


class KeepForm(forms.Form):
    lock = DigestField()
