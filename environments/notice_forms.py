from django import forms

from . import hook_words
from .faults import UserFault
from .notice_models import HOOK_WORDS, Channel, Choice, Hook, Kind


class ChoicesForm(forms.Form):
    """One box for each kind and channel, named `build-failed-mail`."""

    def __init__(self, data=None, *, user):
        self.user = user
        super().__init__(data, label_suffix="")
        wanted = Choice.objects.of(user)
        for each in wanted:
            self.fields["-".join(each)] = forms.BooleanField(required=False, initial=wanted[each])

    @property
    def rows(self):
        """[(words of the kind, [(words of the channel, field)])]"""
        return [(kind.label, [(channel.label, self[f"{kind}-{channel}"]) for channel in Channel]) for kind in Kind]

    def save(self):
        asked = self.cleaned_data
        wanted = {(kind, channel): asked[f"{kind}-{channel}"] for kind in Kind.values for channel in Channel.values}
        Choice.objects.save_for(self.user, wanted)


class HookForm(forms.Form):
    address = forms.CharField(
        required=False,
        max_length=hook_words.LONGEST + 1,  # the rule that addresses obey says it better
        widget=forms.URLInput({"autocomplete": "off", "placeholder": "https://hooks.example.org/envportal"}),
    )
    kinds = forms.MultipleChoiceField(
        required=False, label="Tells of", choices=list(HOOK_WORDS.items()), widget=forms.CheckboxSelectMultiple
    )
    is_on = forms.BooleanField(required=False, label="Switched on", initial=True)

    def __init__(self, data=None, *, hook=None):
        self.hook = hook
        initial = {name: getattr(hook, name) for name in Hook.FIELDS} if hook else {"kinds": Kind.values}
        super().__init__(data, initial=initial, label_suffix="")

    def clean_address(self):
        try:
            hook_words.check(self.cleaned_data["address"])
        except UserFault as fault:
            raise forms.ValidationError(fault.message) from fault
        return self.cleaned_data["address"]

    def clean_kinds(self):
        if not self.cleaned_data["kinds"]:
            raise forms.ValidationError("Choose at least one.")
        return self.cleaned_data["kinds"]

    def add(self, workspace, by):
        """Return (hook, its secret), or None with an error at the field."""
        try:
            return Hook.make(workspace, self.cleaned_data["address"], self.cleaned_data["kinds"], by)
        except UserFault as fault:
            self.add_error(fault.field, fault.message)
            return None


class NoticeFilterForm(forms.Form):
    unread = forms.BooleanField(required=False)
