from django import forms

from .comparison import FILTERS

VIEWS = ("packages", "definition", "text")
FORMS = ("markdown", "json")
LONGEST = 400


class DiffForm(forms.Form):
    """What a diff compares and shows; a value that makes no sense counts as none."""

    to = forms.CharField(required=False, max_length=LONGEST)
    view = forms.CharField(required=False)
    q = forms.CharField(required=False, max_length=200)
    kind = forms.MultipleChoiceField(choices=[(kind, kind) for kind in FILTERS], required=False)
    form = forms.CharField(required=False)
    all = forms.BooleanField(required=False)

    def __init__(self, data):
        super().__init__(data)
        self.fields["from"] = forms.CharField(required=False, max_length=LONGEST)
        self.is_valid()

    def _one_of(self, name, known):
        value = self.cleaned_data.get(name, "")
        return value if value in known else ""

    @property
    def references(self):
        """(from, to), either of them empty."""
        return self.cleaned_data.get("from", ""), self.cleaned_data.get("to", "")

    def sides_in(self, environment):
        """(from, to) where nothing said means the latest version, and the one before what it is compared with."""
        old, new = self.references
        new = new or str(environment.latest_number)
        return old or str(environment.number_before(new)), new

    @property
    def shown(self):
        return self._one_of("view", VIEWS)

    @property
    def document(self):
        """The form of a download, or empty for the page."""
        return self._one_of("form", FORMS)

    @property
    def kinds(self):
        return self.cleaned_data.get("kind") or []

    @property
    def text(self):
        return self.cleaned_data.get("q", "")

    @property
    def has_all(self):
        """Whether every row is wanted, however many there are."""
        return bool(self.cleaned_data.get("all"))

    @property
    def is_filtered(self):
        return bool(self.kinds or self.text)
