"""The form of a rule, with the fields that its kind has."""

from django import forms

from . import policy_words
from .faults import UserFault
from .models import Rule

LABELS = {
    Rule.Kind.PACKAGE_BLOCKED: "Package",
    Rule.Kind.PACKAGE_REQUIRED: "Package",
    Rule.Kind.CHANNEL_ALLOWED: "Channel",
    Rule.Kind.INDEX_ALLOWED: "Address of the index",
    Rule.Kind.IMAGE_BLOCKED: "Base image",
    Rule.Kind.IMAGE_DEPRECATED: "Base image",
    Rule.Kind.PREFIX_RESERVED: "Prefix",
    Rule.Kind.PYTHON_ENDS: "Python",
}
HELP = {
    Rule.Kind.PACKAGE_BLOCKED: "A name such as requests. It is refused in definitions, and where another package brings it",
    Rule.Kind.PACKAGE_REQUIRED: "A name such as our-agent. Every definition asks for it",
    Rule.Kind.CHANNEL_ALLOWED: "A name such as conda-forge, or an address. With the first of these, every other channel is refused",
    Rule.Kind.INDEX_ALLOWED: "An address; what lies below it is allowed, too. With the first of these, every other index and file that a definition names is refused; the index of the portal itself stays allowed",
    Rule.Kind.IMAGE_BLOCKED: "name:tag without the registry, with * and ? where anything may stand. It is refused, also where a Dockerfile begins with it",
    Rule.Kind.IMAGE_DEPRECATED: "name:tag without the registry, with * and ? where anything may stand: ubuntu:18.04*",
    Rule.Kind.PREFIX_RESERVED: "How names of curated environments begin, whatever the case. Environments that have such names keep them",
    Rule.Kind.PYTHON_ENDS: "A version such as 3.8",
}


def kinds_of(workspace):
    """The kinds of rules that the portal, or a workspace, can have."""
    return [kind for kind in Rule.Kind if workspace is None or kind in policy_words.OF_WORKSPACES]


class KindForm(forms.Form):
    """`?kind=` of a page: which rules are shown, or which kind of rule is begun. What makes no sense is none."""

    kind = forms.ChoiceField(choices=Rule.Kind.choices, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    @property
    def chosen(self):
        self.is_valid()
        return self.cleaned_data.get("kind", "")

    @property
    def page_number(self):
        self.is_valid()
        return self.cleaned_data.get("page") or 1


class RuleForm(forms.ModelForm):
    """A rule of one kind: the fields that this kind does not have are not there."""

    class Meta:
        model = Rule
        fields = ["subject", *policy_words.MORE]
        widgets = {"date": forms.DateInput({"type": "date"})}
        labels = {
            "manager": "Manager",
            "constraint": "Versions",
            "date": "Last security fix",
            "message": "What people are told",
            "replacement": "Use instead",
        }

    def __init__(self, data=None, *, rule):
        super().__init__(data, instance=rule, label_suffix="")
        for name in policy_words.MORE:
            if name not in policy_words.FIELDS[rule.kind]:
                del self.fields[name]
        self.fields["subject"].label = LABELS[rule.kind]
        self.fields["subject"].help_text = HELP[rule.kind]
        for field in self.fields.values():
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        if "manager" in self.fields:
            self.fields["manager"].choices = [("", "conda and pip"), *Rule.Manager.choices]
        if "replacement" in self.fields and rule.kind == Rule.Kind.PACKAGE_BLOCKED:
            self.fields["replacement"].help_text = "One click writes it instead: name, or name>=1.2. May stay empty"
        if rule.kind == Rule.Kind.PACKAGE_REQUIRED:
            self.fields["constraint"].help_text = "Those that will do, as >=2.1; empty: any"

    def save(self):
        """Return the rule, or None with an error at the field."""
        try:
            return self.instance.put()
        except UserFault as fault:
            self.add_error(fault.field if fault.field in self.fields else None, fault.message)
            return None

    def _post_clean(self):
        """The model's verb checks, and says at which field."""
        for name, value in self.cleaned_data.items():
            setattr(self.instance, name, value)
