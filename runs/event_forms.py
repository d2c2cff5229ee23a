from django import forms
from django.db.models import Q

from environments.faults import UserFault
from environments.texts import can_be_kept
from events.models import Verb


class EventFilterForm(forms.Form):
    """Which events a list shows. A value that makes no sense is an error at its field, and filters nothing."""

    person = forms.CharField(required=False, max_length=150, help_text="who acted, or whom it is about")
    verb = forms.ChoiceField(required=False, choices=[("", "Anything"), *Verb.choices], label="What")
    object = forms.CharField(required=False, max_length=255, help_text="a part of its name, or its id")
    workspace = forms.CharField(required=False, max_length=63)
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")

    def clean(self):
        for name, value in self.cleaned_data.items():
            if isinstance(value, str) and not can_be_kept(value):
                self.add_error(name, "This holds characters that are not text.")
        return self.cleaned_data

    def apply(self, events):
        """Return those of the events that match."""
        self.is_valid()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        events = events.filter(**{name: asked[name] for name in ("verb", "workspace") if name in asked})
        if text := asked.get("person"):
            events = events.filter(Q(person=text) | Q(about=text))
        if text := asked.get("object"):
            events = events.filter(Q(object__icontains=text) | Q(object_id=text))
        return events.between(asked.get("since"), asked.get("until"))

    def apply_or_raise(self, events):
        """As `apply`, for a caller that is told of the first value that makes no sense."""
        found = self.apply(events)
        for field, faults in self.errors.items():
            raise UserFault(faults[0], "" if field == "__all__" else field)
        return found

    @property
    def asked(self):
        """{field: value} of what narrows the list."""
        return {name: value for name, value in self.cleaned_data.items() if value}
