from django import forms

from environments.faults import UserFault

from .licence_models import LicenceRules
from .licence_policy import LISTS, LONGEST, MOST, read_entries

WORDS = {
    "allowed": ("Allowed", "Apache-2.0\nBSD-3-Clause\nMIT"),
    "review": ("Needs review", 'MPL-2.0\n"BSD License"'),
    "denied": ("Denied", "AGPL-3.0-only\nAGPL-3.0-or-later"),
}


def _list(name):
    label, example = WORDS[name]
    attrs = {"rows": 8, "spellcheck": "false", "autocomplete": "off", "placeholder": example, "class": "mono"}
    # Line breaks are two characters in what a browser sends.
    return forms.CharField(
        label=label, required=False, max_length=MOST * (LONGEST + 2), strip=False, widget=forms.Textarea(attrs)
    )


class LicenceRulesForm(forms.Form):
    """Three lists of licences, one in each line, and what counts for all others."""

    allowed, review, denied = map(_list, LISTS)
    otherwise = forms.ChoiceField(label="All other licences", required=False)

    def __init__(self, data=None, *, workspace, rules=None):
        initial = {name: "\n".join(getattr(rules, name)) for name in LISTS} if rules else {}
        initial["otherwise"] = rules.otherwise if rules else ""
        super().__init__(data, label_suffix="", initial=initial)
        self.workspace = workspace
        nothing = "As the portal says" if workspace else "Each workspace decides"
        self.fields["otherwise"].choices = [("", nothing), *LicenceRules.Otherwise.choices]

    def save(self, by):
        """Return the row, or None with an error at the field."""
        asked = self.cleaned_data
        try:
            lists = {name: read_entries(asked[name], name) for name in LISTS}
            return LicenceRules.objects.decide(self.workspace, lists, asked["otherwise"], by)
        except UserFault as fault:
            self.add_error(fault.field, fault.message)
            return None
