"""Forms about curated environments."""

import re

from django import forms
from django.db import transaction
from django.db.models import Q
from packaging.utils import canonicalize_name

from . import tags
from .drafts import Draft, Row, Rows, split, write_rows
from .faults import UserFault
from .findings import errors
from .forms import PageForm
from .models import Environment, Rule, Stage, Workspace

LONGEST_LINES = 10_000


class ShelfForm(PageForm):
    """What the shelf shows; a value that makes no sense filters nothing."""

    STAGES = (("", "All that may be used"), *Stage.choices)
    q = forms.CharField(required=False, max_length=200)
    hardware = forms.CharField(required=False, max_length=100)
    stage = forms.ChoiceField(choices=STAGES, required=False)

    def apply(self, environments):
        self.is_valid()
        asked = self.cleaned_data
        for word in asked.get("q", "").split():
            environments = environments.filter(
                Q(name__icontains=word) | Q(description__icontains=word) | Q(pk__in=_declaring(word))
            )
        if asked.get("hardware"):
            environments = environments.tagged(f"hardware={asked['hardware']}")
        if asked.get("stage"):
            return environments.filter(curation__stage=asked["stage"])
        return environments.exclude(curation__stage=Stage.ARCHIVED)

    @property
    def is_filtering(self):
        return any(self.cleaned_data.get(name) for name in ("q", "hardware", "stage"))


def _declaring(word):
    """Ids of curated environments that ask for such a package."""
    declaring = Environment.objects.curated().filter(versions__declared__name__icontains=word)
    return declaring.order_by().values("pk")


def with_packages(text, lines):
    """A conda file with these pip lines too, in place of what it says about the same packages."""
    rows = Rows.of(text)
    there = {canonicalize_name(row.name.partition("[")[0].strip()): row for row in rows.pip if not row.is_blank}
    for line in lines:
        name, constraint = split("pip", line)
        row = there.get(canonicalize_name(name.partition("[")[0].strip()))
        if row:
            row.name, row.constraint, row.original = name, constraint, line
        else:
            rows.pip.append(Row("pip", name, constraint, "", line))
    return write_rows(text, rows)


def name_for(version):
    """A name that a copy may have: AzureML-sklearn-1.9 as my-sklearn-1.9."""
    prefixes = "|".join(map(re.escape, Rule.objects.reserved_prefixes()))
    return f"my-{re.sub(rf'^({prefixes})[-._]*', '', version.environment.name, flags=re.IGNORECASE)}"


class UseForm(forms.Form):
    """An environment of one's own from a curated one, with packages more, or none."""

    workspace = forms.ModelChoiceField(Workspace.objects.none(), to_field_name="name", empty_label=None)
    packages = forms.CharField(
        label="Packages to add",
        required=False,
        max_length=LONGEST_LINES,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false", "placeholder": "polars==1.33.1"}),
    )
    name = forms.CharField(label="Name of yours", max_length=10_000, required=False)

    def __init__(self, data=None, *, version, user):
        super().__init__(data, label_suffix="", initial={"name": name_for(version)})
        self.version = version
        self.fields["workspace"].queryset = self.workspaces = Workspace.objects.edited_by(user)

    def clean_packages(self):
        lines = [line.strip() for line in self.cleaned_data["packages"].splitlines()]
        return [line for line in lines if line and not line.startswith("#")]

    def clean(self):
        if not self.errors:
            self._examine()

    def _examine(self):
        asked = self.cleaned_data
        try:
            self.conda = with_packages(self.version.conda, asked["packages"])
        except UserFault as fault:
            return self.add_error("packages", fault.message)
        draft = Draft.of(self.version.document, self.conda)
        self.definition = draft.examine(Rule.objects.policy(asked["workspace"]))
        for finding in errors(self.definition.findings):
            self.add_error("packages", finding.message)

    def save(self, by):
        """Return its first version, or None with an error at the field."""
        asked, lines = self.cleaned_data, ", ".join(self.cleaned_data["packages"])
        message = f"{self.version} with {lines}" if lines else f"{self.version} as it is"
        try:
            with transaction.atomic():
                environment = asked["workspace"].add_environment(asked["name"], by)
                return environment.register(self.definition, by, message[:1000], self.conda, self.version)[0]
        except UserFault as fault:
            self.add_error(fault.field if fault.field in self.fields else None, fault.message)
            return None


class LifecycleForm(forms.Form):
    """Where a curated environment is in its life, and what is said about it."""

    description = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea({"rows": 2}))
    tags = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea({"rows": 3, "spellcheck": "false"}))
    stage = forms.ChoiceField(label="Lifecycle", choices=Stage.choices)
    ends = forms.DateField(label="Last day", required=False, widget=forms.DateInput({"type": "date"}))
    reason = forms.CharField(required=False, max_length=1000, widget=forms.Textarea({"rows": 2}))
    successor = forms.ModelChoiceField(
        Environment.objects.none(), required=False, to_field_name="name", empty_label="None"
    )

    def __init__(self, data=None, *, curation, stage=None):
        """`stage` is the one that a link offers."""
        environment, successor = curation.environment, curation.successor
        initial = {name: getattr(curation, name) for name in ("description", "stage", "reason")}
        initial |= {"stage": stage} if stage in Stage else {}
        initial |= {"tags": tags.write(environment.tags)}
        initial |= {"ends": curation.ends and curation.ends.isoformat(), "successor": successor and successor.name}
        super().__init__(data, label_suffix="", initial=initial)
        others = environment.workspace.environments.exclude(pk=environment.pk).exclude(curation__stage=Stage.ARCHIVED)
        self.fields["successor"].queryset = others.select_related("workspace").order_by("name")
        self.curation = curation

    def save(self, by):
        """Return whether it was changed; where not, an error stands at the field."""
        try:
            asked = self.cleaned_data | {"tags": tags.read(self.cleaned_data["tags"])}
            self.curation.edit(by, **asked)
        except UserFault as fault:
            self.add_error(fault.field or None, fault.message)
            return False
        return True
