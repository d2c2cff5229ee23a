import re

from django import forms

from builds.models import Advisory, AdvisoryImport
from environments.faults import UserFault
from environments.label_names import REFERENCE
from environments.models import Environment, Version, Workspace
from environments.texts import can_be_kept
from environments.version_sets import VersionSet

from .usage import SUBJECTS, Question

LISTS = ("versions", "builds", "runs")
SHORTEST_HASH = 8  # digits


class UsageForm(forms.Form):
    """The question of an audit, as a page or the API asks it, and a person who asks.

    What nobody could find is a fault at its field: a misspelt workspace must not be answered by “nothing has it”.
    """

    def __init__(self, asked, user):
        super().__init__(asked)
        self.user = user

    package = forms.CharField(required=False, max_length=255)
    version = forms.CharField(required=False, max_length=500, label="Versions")
    manager = forms.ChoiceField(
        required=False, label="Kind", choices=[("", "Conda or pip"), ("conda", "Conda"), ("pip", "Pip")]
    )
    sha256 = forms.CharField(required=False, max_length=80, label="SHA-256 of a file")
    licence = forms.CharField(required=False, max_length=200)
    advisory = forms.CharField(required=False, max_length=100, label="Advisory")
    image = forms.CharField(required=False, max_length=500, label="Base image")
    digest = forms.CharField(required=False, max_length=80, label="Image digest")
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
    number = forms.RegexField(
        f"^({REFERENCE})$",
        required=False,
        label="Version or label",
        error_messages={"invalid": "A version of an environment is a number, or a label."},
    )
    latest = forms.BooleanField(required=False, label="Latest versions only")
    active = forms.BooleanField(required=False, label="Without what is archived")
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
        if asked.get("since") and asked.get("until") and asked["until"] < asked["since"]:
            self.add_error("until", "This day is before the first one.")
        if not self.errors:
            self._find_place(asked)
        return asked

    def _find_place(self, asked):
        """Add an error unless there is such a workspace, environment and version, as far as the person may see."""
        workspaces = Workspace.objects.visible_to(self.user)
        if asked["workspace"]:
            workspaces = workspaces.filter(name=asked["workspace"])
            if not workspaces.exists():
                self.add_error("workspace", f"There is no workspace {asked['workspace']} that you may see.")
                return
        environments = Environment.objects.filter(workspace__in=workspaces, name=asked["environment"])
        if asked["environment"] and not environments.exists():
            self.add_error("environment", f"There is no environment {asked['environment']} that you may see there.")
        elif asked["number"] and not asked["number"].isdecimal() and not asked["environment"]:
            self.add_error("number", "A label is of an environment, which is not named.")
        elif asked["number"] and asked["environment"] and not _has_version(environments, asked["number"]):
            told = f"{asked['environment']} has no version {asked['number']}, and no label of that name."
            self.add_error("number", told)

    def clean_sha256(self):
        """The hash, or its beginning, however it is written."""
        return _hex(self.cleaned_data["sha256"], SHORTEST_HASH, "The first 8 of the 64 hexadecimal digits are enough.")

    def clean_digest(self):
        told = "An image is named by all 64 hexadecimal digits of its SHA-256."
        digest = _hex(self.cleaned_data["digest"], 64, told)
        return digest and f"sha256:{digest}"

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
            return f"a file {asked['sha256'][:12]}…"
        return asked["image"] or f"the image {asked['digest'][:19]}…"


def _has_version(environments, reference):
    return Version.objects.called(reference).filter(environment__in=environments).exists()


def _hex(text, least, told):
    """The hexadecimal digits of a SHA-256 that is written with or without `sha256:`, large or small."""
    digits = text.strip().lower().removeprefix("sha256").lstrip(":=")
    if digits and not re.fullmatch(f"[0-9a-f]{{{least},64}}", digits):
        raise forms.ValidationError(told)
    return digits
