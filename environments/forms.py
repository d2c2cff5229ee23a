"""Forms that read what a person typed into a definition. Each wraps the plain parsers."""

import re
from dataclasses import dataclass, field
from itertools import zip_longest

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from . import conda_specs, names, pip_lines
from . import definition as definitions
from .conda_specs import python_specifiers
from .faults import DefinitionFault, UserFault
from .findings import Finding, error
from .models import Interpreter

MOST_ROWS = 1000


@dataclass
class Row:
    """One package as two fields of the form, and what is wrong with it."""

    manager: str
    name: str = ""
    constraint: str = ""
    error: str = ""
    focus: bool = False

    @property
    def text(self):
        constraint = self.constraint
        if constraint[:1].isdigit():  # a bare number means this version; conda also knows "1.2 build"
            constraint = (" " if " " in constraint else "==" if self.manager == "pip" else "=") + constraint
        return f"{self.name}{constraint}"

    def check(self):
        if not self.name:
            self.error = "A package needs a name."
            return
        begins = "=<>!~;[(" if self.manager == "pip" else "=<>!~[*"
        if self.constraint and not (self.constraint[0] in begins or self.constraint[0].isdigit()):
            self.error = f"“{self.constraint}” is no constraint. Write ==1.2 or >=1.2,<2, or leave it empty."
            return
        found = pip_lines.parse(self.text) if self.manager == "pip" else conda_specs.parse(self.text)
        if isinstance(found, Finding):
            self.error = found.message
        elif found is None:
            self.error = f"“{self.text}” is a comment, not a package."


@dataclass
class Rows:
    """The package rows of one manager, in the order of the page."""

    manager: str
    rows: list = field(default_factory=list)

    @classmethod
    def of(cls, manager, lines, splitter):
        return cls(manager, [Row(manager, *splitter(line)) for line in lines])

    @classmethod
    def posted(cls, manager, data):
        names, constraints = data.getlist(f"{manager}_name"), data.getlist(f"{manager}_constraint")
        pairs = zip_longest(names, constraints, fillvalue="")
        return cls(manager, [Row(manager, name.strip(), constraint.strip()) for name, constraint in pairs])

    @property
    def filled(self):
        return [row for row in self.rows if row.name or row.constraint]

    def check(self):
        for row in self.filled:
            row.check()
        return not any(row.error for row in self.rows)

    def lines(self):
        return [row.text for row in self.filled]

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)


class DefinitionForm(forms.Form):
    """The packages of a new version. `base` is the version it starts from."""

    python = forms.CharField(label="Python version", required=False, max_length=40)
    channels = forms.CharField(label="Channels", required=False, max_length=500)
    requirements = forms.CharField(
        label="Or paste a requirements file",
        required=False,
        max_length=pip_lines.LONGEST_TEXT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "placeholder": "numpy==2.1.0\npandas>=2.2"}),
    )
    message = forms.CharField(label="What changes, and why", required=False, max_length=1000)

    def __init__(self, data=None, *, base=None, **kwargs):
        self.base = base
        super().__init__(data, label_suffix="", **kwargs)
        if data is not None:
            self.conda, self.pip = Rows.posted("conda", data), Rows.posted("pip", data)
        else:
            self.conda, self.pip = self._rows_of_base()
        self.paste_findings = []

    @classmethod
    def after_edit(cls, data, edit, **kwargs):
        """Return a form that shows what was posted after a button such as `add-pip` or `remove-conda-2`."""
        form = cls(None, initial={name: data.get(name, "") for name in cls.base_fields}, **kwargs)
        form.conda, form.pip = Rows.posted("conda", data), Rows.posted("pip", data)
        wanted = re.fullmatch(r"(add|remove|read)(?:-(pip|conda))?(?:-([0-9]{1,4}))?", edit)
        if wanted:
            form._edit(*wanted.groups())
        return form

    def _rows_of_base(self):
        if not self.base:
            return Rows("conda"), Rows("pip", [Row("pip")])
        wanted = self.base.definition
        self.initial.setdefault("python", wanted.python.lstrip("="))
        self.initial.setdefault("channels", ", ".join(wanted.channels))
        conda = [
            spec.text for spec in wanted.conda if spec.name != "python" and (spec.name != "pip" or spec.constraint)
        ]
        return (
            Rows.of("conda", conda, conda_specs.split),
            Rows.of("pip", [line.text for line in wanted.pip], pip_lines.split),
        )

    def _edit(self, verb, manager, index):
        rows = {"conda": self.conda, "pip": self.pip}.get(manager)
        if verb == "add" and rows is not None and index is None:
            rows.rows.append(Row(manager, focus=True))
        elif verb == "remove" and rows is not None and index and int(index) < len(rows):
            del rows.rows[int(index)]
        elif verb == "read":
            self._read_paste()

    def _read_paste(self):
        """Turn the pasted lines into rows, if all of them can be read."""
        text = self.initial.get("requirements", "")
        lines, self.paste_findings = pip_lines.read(text)
        if len(lines) > MOST_ROWS:
            told = f"{len(lines):,} packages are too many for rows. Register them as they stand here."
            self.paste_findings = [error("too-long", told)]
        if not self.paste_findings:
            kept = [row for row in self.pip if row.name or row.constraint]
            self.pip.rows = kept + Rows.of("pip", [line.text for line in lines], pip_lines.split).rows
            self.initial["requirements"] = ""

    def clean_python(self):
        version = self.cleaned_data["python"].strip()
        constraint = f"={version}" if version[:1].isdigit() else version
        try:
            python_specifiers(constraint)
        except ValueError as fault:
            raise ValidationError(str(fault)) from fault
        return version

    def clean_channels(self):
        return [channel.strip() for channel in self.cleaned_data["channels"].split(",") if channel.strip()]

    def clean_requirements(self):
        lines, self.paste_findings = pip_lines.read(self.cleaned_data["requirements"])
        if self.paste_findings:
            raise ValidationError([finding.sentence for finding in self.paste_findings])
        return [line.text for line in lines]

    def clean(self):
        rows_are_good = all([self.conda.check(), self.pip.check()])
        if not rows_are_good:
            raise ValidationError("A package cannot be read: see its row.")
        if self.errors:
            return
        asked = self.cleaned_data
        pip = self.pip.lines() + asked["requirements"]
        base = self.base.document if self.base else None
        document = definitions.compose(asked["python"], asked["channels"], self.conda.lines(), pip, base)
        try:
            self.definition = definitions.read(document)
        except DefinitionFault as fault:
            raise ValidationError([finding.sentence for finding in fault.findings]) from fault
        self._require_python()

    def _require_python(self):
        """A definition of pip packages alone takes a Python that a worker has; conda brings its own."""
        if not self.definition.conda_packages:
            try:
                Interpreter.objects.require(self.definition.python or f"={settings.DEFAULT_PYTHON}")
            except UserFault as fault:
                self.add_error(fault.field, fault.message)

    def save(self, environment, by):
        """Return (version, whether it is new)."""
        return environment.register(self.definition, by, self.cleaned_data["message"])


class EnvironmentForm(DefinitionForm):
    """A new environment with its first version."""

    name = forms.CharField(max_length=10_000)  # the rule that names obey says it better
    description = forms.CharField(required=False, max_length=10_000)
    field_order = ["name", "description"]

    def clean_name(self):
        try:
            names.check(self.cleaned_data["name"], settings.RESERVED_PREFIXES)
        except UserFault as fault:
            raise ValidationError(fault.message) from fault
        return self.cleaned_data["name"]

    def save(self, workspace, by):
        """Return (version, True), or None with an error at the name when somebody else has taken it."""
        try:
            with transaction.atomic():
                asked = self.cleaned_data
                environment = workspace.add_environment(asked["name"], by, asked["description"])
                return super().save(environment, by)
        except UserFault as fault:
            self.add_error(fault.field or None, fault.message)
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
    q = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(choices=STATES, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    def apply(self, environments):
        """Return the environments that match; a value that makes no sense filters nothing."""
        self.is_valid()
        text, state = self.cleaned_data.get("q", ""), self.cleaned_data.get("state", "")
        environments = environments.search(text)
        if state == "none":
            return environments.filter(build_status=None)
        return environments.filter(build_status=state) if state else environments

    @property
    def page_number(self):
        return self.cleaned_data.get("page") or 1
