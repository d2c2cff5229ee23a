"""Forms about people of the portal: which are shown, new ones, and what is done with one."""

from django import forms
from django.contrib.auth import get_user_model

from . import portal_people
from .portal_people import Kind


class PeopleForm(forms.Form):
    """What the list shows; a value that makes no sense filters nothing."""

    ROLES = (("", "Any"), *Kind.choices)
    STATES = (("", "All"), ("active", "May sign in"), ("inactive", "May not sign in"))
    q = forms.CharField(required=False, max_length=200)
    role = forms.ChoiceField(choices=ROLES, required=False)
    state = forms.ChoiceField(choices=STATES, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    def find(self, people):
        self.is_valid()
        asked = self.cleaned_data
        people = portal_people.search(people, asked.get("q", ""))
        if asked.get("role"):
            people = portal_people.with_role(people, asked["role"])
        return people.filter(is_active=asked["state"] == "active") if asked.get("state") else people

    @property
    def is_narrow(self):
        return any(self.cleaned_data.get(name) for name in ("q", "role", "state"))

    @property
    def page_number(self):
        return self.cleaned_data.get("page") or 1


class NewPersonForm(forms.ModelForm):
    """An account without a password: whoever gets the link that is made then sets one."""

    class Meta:
        model = get_user_model()
        fields = ["username", "email"]
        labels = {"username": "Name", "email": "E-mail address"}

    def __init__(self, data=None):
        super().__init__(data, label_suffix="")
        for field in self.fields.values():
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
            field.widget.attrs.pop("autofocus", None)

    def clean_username(self):
        return portal_people.new_name(self.cleaned_data["username"])

    def save(self):
        return portal_people.add(**self.cleaned_data)


class ActForm(forms.Form):
    """What is done with one person."""

    act = forms.ChoiceField(choices=[(act, act) for act in ("give", "take", "deactivate", "reactivate")])
    role = forms.ChoiceField(choices=Kind.choices, required=False)

    def clean(self):
        if self.cleaned_data.get("act") in ("give", "take") and not self.cleaned_data.get("role"):
            raise forms.ValidationError("Which role?")

    def do(self, person):
        """Raise UserFault where it cannot be."""
        asked = self.cleaned_data
        act = getattr(portal_people, asked["act"])
        act(person, Kind(asked["role"])) if asked["act"] in ("give", "take") else act(person)
