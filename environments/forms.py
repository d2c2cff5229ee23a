"""Forms of the pages. They wrap the plain parsers and keep whatever a person typed."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from . import label_names, names
from .faults import UserFault
from .label_models import Shown
from .models import Version
from .texts import can_be_kept
from .workspace_secrets import read_hosts


class DraftForm(forms.Form):
    """A new version. What it says is in its `editing`; the form itself holds only what is said about it."""

    message = forms.CharField(label="What changes, and why", required=False, max_length=1000)
    origin = forms.CharField(required=False, max_length=400)  # AzureML-Minimal/3, of a copy of a curated environment

    def __init__(self, data=None, *, editing, **kwargs):
        self.editing = editing
        super().__init__(data, label_suffix="", **kwargs)

    @classmethod
    def unbound(cls, data, editing):
        """A form that shows what was posted, without judging it yet."""
        initial = {name: data[name] for name in cls.base_fields if name in data}
        if editing.name and not initial.get("name"):
            initial["name"] = editing.name
        return cls(None, editing=editing, initial=initial)

    def clean_origin(self):
        try:
            return Version.objects.curated_named(self.cleaned_data["origin"]) if self.cleaned_data["origin"] else None
        except UserFault as fault:
            self.add_error(None, fault.message)  # nobody sees the field
            return None

    def clean(self):
        if self.editing.fault:
            raise ValidationError(self.editing.fault)
        if self.editing.errors:
            raise ValidationError([finding.sentence for finding in self.editing.errors[:20]])

    def save(self, environment, by):
        """Return (version, whether it is new), or None with an error where only the workspace can tell."""
        try:
            message, editing = self.cleaned_data["message"], self.editing
            origin = self.cleaned_data["origin"]
            return environment.register(editing.definition, by, message, editing.draft.conda, origin)
        except UserFault as fault:
            self.add_error(fault.field if fault.field == "message" else None, fault.message)
            return None


class EnvironmentForm(DraftForm):
    """A new environment with its first version."""

    is_curated = False
    name = forms.CharField(required=False, max_length=10_000)  # the rule that names obey says it better
    description = forms.CharField(required=False, max_length=10_000)
    field_order = ["name", "description"]

    def clean_name(self):
        try:
            prefixes = self.editing.policy.reserved_prefixes
            names.check(self.cleaned_data["name"], prefixes, is_curated=self.is_curated)
        except UserFault as fault:
            raise ValidationError(fault.message) from fault
        return self.cleaned_data["name"]

    def save(self, workspace, by):
        """As for a version; a name that somebody else has taken meanwhile is an error at the name."""
        with transaction.atomic():
            try:
                asked = self.cleaned_data
                environment = workspace.add_environment(asked["name"], by, asked["description"])
            except UserFault as fault:
                self.add_error("name", fault.message)
                return None
            saved = super().save(environment, by)
            if not saved:
                transaction.set_rollback(True)
            return saved


class CuratedForm(EnvironmentForm):
    """A new curated environment, which begins as a preview."""

    is_curated = True


class StartForm(forms.Form):
    """`from=workspace/name/number`, or with a label: the version that a draft starts from."""

    def __init__(self, data):
        super().__init__(data)
        self.fields["from"] = forms.RegexField(
            rf"^[-\w]+/[A-Za-z0-9._-]+/({label_names.REFERENCE})$", required=False, max_length=400
        )

    def clean(self):
        text = self.cleaned_data.get("from")
        if text:
            self.cleaned_data["from"] = tuple(text.split("/"))
        return self.cleaned_data


class SecretForm(forms.Form):
    """A secret to be set. Its value is not shown again, not even where something is wrong."""

    name = forms.CharField(required=False, widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))
    value = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=False)
    )
    hosts = forms.CharField(
        required=False, widget=forms.TextInput({"autocomplete": "off", "placeholder": "index.example.org"})
    )

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", **kwargs)

    def save(self, workspace, by):
        """Return (secret, whether it is new), or None with an error at the field."""
        try:
            asked = self.cleaned_data
            hosts = read_hosts(asked["hosts"])
            return workspace.set_secret(asked["name"], asked["value"], hosts, by)
        except UserFault as fault:
            self.add_error(fault.field, fault.message)
            return None


class FilterForm(forms.Form):
    """What a list of environments shows."""

    STATES = (
        ("", "Any state"),
        ("succeeded", "Succeeded"),
        ("failed", "Failed"),
        ("running", "Running"),
        ("queued", "Queued"),
        ("cancelled", "Cancelled"),
        ("none", "Never built"),
    )
    ARCHIVED = ((Shown.ACTIVE.value, "Hidden"), (Shown.ARCHIVED.value, "Only these"), (Shown.ALL.value, "Shown too"))
    q = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(choices=STATES, required=False)
    tag = forms.CharField(required=False, max_length=700)
    archived = forms.ChoiceField(choices=ARCHIVED, required=False)
    list_view_type = forms.ChoiceField(choices=[(label, label) for label in Shown.labels], required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    def apply(self, environments):
        """Return the environments that match; a value that makes no sense filters nothing."""
        environments, state = self.find(environments), self.cleaned_data.get("state", "")
        if state == "none":
            return environments.filter(build_status=None)
        return environments.filter(build_status=state) if state else environments

    def find(self, environments):
        """The same without the state of the last build, for those that are not annotated with it."""
        self.is_valid()
        text, tag = self.cleaned_data.get("q", ""), self.cleaned_data.get("tag", "")
        environments = environments.shown(self.shown).search(text)
        return environments.tagged(tag) if tag and can_be_kept(tag) else environments

    @property
    def shown(self):
        """Which of the archived are asked for, by our word or by that of Azure."""
        by_azure = dict(zip(Shown.labels, Shown.values, strict=True))
        word = self.cleaned_data.get("archived", "")
        return word or by_azure.get(self.cleaned_data.get("list_view_type"), "")

    @property
    def is_narrow(self):
        """Whether something is filtered away, or let in, that the list has by itself."""
        return any(self.cleaned_data.get(name) for name in ("q", "state", "tag")) or bool(self.shown)

    @property
    def page_number(self):
        return self.cleaned_data.get("page") or 1


class ListFilterForm(FilterForm):
    """The same of the API, which tells curated environments apart."""

    curated = forms.ChoiceField(choices=[("true", "true"), ("false", "false")], required=False)

    def find(self, environments):
        environments = super().find(environments)
        curated = self.cleaned_data.get("curated")
        return environments.curated(curated == "true") if curated else environments


class PageForm(forms.Form):
    """Which page of a list is asked for; a value that makes no sense is the first."""

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    @property
    def page_number(self):
        return (self.is_valid() and self.cleaned_data["page"]) or 1
