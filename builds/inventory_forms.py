from django import forms

from environments.texts import can_be_kept

from .licence_policy import Verdict


class InventoryForm(forms.Form):
    """Which packages of a workspace are shown, and of which versions."""

    q = forms.CharField(required=False, max_length=200, label="Package")
    manager = forms.ChoiceField(
        required=False, label="Kind", choices=[("", "Conda or pip"), ("conda", "Conda"), ("pip", "Pip")]
    )
    licence = forms.CharField(required=False, max_length=200)
    verdict = forms.ChoiceField(
        required=False,
        label="Policy says",
        choices=[("", "Anything"), *((each.key, each.words.capitalize()) for each in reversed(Verdict))],
    )
    advisories = forms.ChoiceField(required=False, choices=[("", "Known or not"), ("known", "Known")])
    versions = forms.ChoiceField(
        required=False, choices=[("", "Newest locked of each environment"), ("every", "Every locked version")]
    )

    def clean(self):
        for name, value in self.cleaned_data.items():
            if isinstance(value, str) and not can_be_kept(value):
                self.add_error(name, "This holds characters that are not text.")
        return self.cleaned_data

    @property
    def is_every(self):
        return self.is_valid() and self.cleaned_data["versions"] == "every"

    def apply(self, inventory):
        """Return the names of an inventory that match; none where something makes no sense."""
        packages = inventory.packages
        if not self.is_valid():
            return inventory.names(packages.none())
        asked = self.cleaned_data
        for word in asked["q"].split():
            packages = packages.filter(name__icontains=word)
        if asked["manager"]:
            packages = packages.filter(manager=asked["manager"])
        if asked["licence"]:
            packages = packages.filter(licence__icontains=asked["licence"])
        if asked["verdict"]:
            packages = inventory.licensed(packages, Verdict[asked["verdict"].upper()])
        if asked["advisories"]:
            packages = inventory.advised(packages)
        return inventory.names(packages)

    @property
    def asked(self):
        """{field: value} of what is asked for."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def is_narrowed(self):
        return any(name != "versions" for name in self.asked)
