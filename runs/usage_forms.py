from django import forms

from builds.models import Advisory, AdvisoryImport
from environments.faults import UserFault
from environments.texts import can_be_kept
from environments.version_sets import VersionSet

from .usage import SUBJECTS, Question

LISTS = ("versions", "builds", "runs")


class UsageForm(forms.Form):
    """The question of an audit, as a page or the API asks it."""

    package = forms.CharField(required=False, max_length=255)
    version = forms.CharField(required=False, max_length=500, label="Versions")
    manager = forms.ChoiceField(
        required=False, label="Kind", choices=[("", "Conda or pip"), ("conda", "Conda"), ("pip", "Pip")]
    )
    sha256 = forms.RegexField(
        r"^[0-9a-f]{64}$", required=False, error_messages={"invalid": "A SHA-256 has 64 hexadecimal digits."}
    )
    licence = forms.CharField(required=False, max_length=200)
    advisory = forms.CharField(required=False, max_length=100, label="Advisory")
    image = forms.CharField(required=False, max_length=500, label="Base image")
    digest = forms.RegexField(
        r"^sha256:[0-9a-f]{64}$",
        required=False,
        label="Image digest",
        error_messages={"invalid": "A digest is sha256: and 64 hexadecimal digits."},
    )
    how = forms.ChoiceField(
        required=False,
        label="Where",
        choices=[
            ("", "In locks"),
            ("direct", "In locks, asked for"),
            ("transitive", "In locks, needed by others"),
            ("declared", "In definitions"),
        ],
    )
    workspace = forms.CharField(required=False, max_length=63)
    environment = forms.CharField(required=False, max_length=255)
    number = forms.IntegerField(required=False, min_value=1, max_value=999_999_999)
    latest = forms.BooleanField(required=False, label="Latest versions only")
    person = forms.CharField(required=False, max_length=255, label="Run by")
    since = forms.DateField(required=False, label="Used since")
    until = forms.DateField(required=False, label="Used until")

    of = forms.ChoiceField(required=False, choices=[(name, name) for name in LISTS])

    def clean(self):
        asked = self.cleaned_data
        for name, value in asked.items():
            if isinstance(value, str) and not can_be_kept(value):
                self.add_error(name, "This holds characters that are not text.")
        named = [name for name in SUBJECTS if asked.get(name)]
        if len(named) > 1:
            self.add_error(named[1], f"Ask about {named[0]} or {named[1]}, not both at once.")
        if asked.get("version") and not asked.get("package"):
            self.add_error("version", "Versions are of a package, which is not named.")
        if asked.get("how") == "declared" and not asked.get("package"):
            self.add_error("how", "Definitions name packages; a hash or a licence stands in locks alone.")
        return asked

    def clean_advisory(self):
        """An id or alias that is known: of another one nobody could say that nothing has it."""
        name = self.cleaned_data["advisory"].strip()
        if not name or not can_be_kept(name) or Advisory.objects.named(name).exists():
            return name
        if not AdvisoryImport.objects.last_good():
            raise forms.ValidationError("Not assessed: no advisories were imported yet.")
        raise forms.ValidationError(f"No advisory that was imported is called {name}.")

    def clean_version(self):
        text = self.cleaned_data["version"]
        manager = self.data.get("manager")
        try:
            self.versions = VersionSet(text, manager if manager in ("conda", "pip") else "")
        except UserFault as fault:
            raise forms.ValidationError(fault.message) from fault
        return text

    @property
    def list(self):
        """Which list is asked for."""
        return self.cleaned_data["of"] or LISTS[0]

    @property
    def question(self):
        """The Question, once the form is valid."""
        asked = dict(self.cleaned_data)
        how = asked.pop("how")
        del asked["version"], asked["of"]
        direct = {"direct": True, "transitive": False}.get(how)
        return Question(**asked, versions=self.versions, declared=how == "declared", direct=direct)

    @property
    def what(self):
        """What is looked for, in words."""
        asked = self.cleaned_data
        if asked["package"]:
            return f"{asked['package']} {asked['version']}".rstrip()
        if asked["advisory"]:
            return f"a package with {asked['advisory']}"
        if asked["licence"]:
            return f"a package under {asked['licence']}"
        if asked["sha256"]:
            return f"the file {asked['sha256'][:12]}…"
        return asked["image"] or f"the image {asked['digest'][:19]}…"
