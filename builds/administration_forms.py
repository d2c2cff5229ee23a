"""Forms of the administration: what is done with a worker or in the queue, and what a workspace may have."""

from django import forms

from .schedule import Place


class WorkerForm(forms.Form):
    act = forms.ChoiceField(choices=[(act, act) for act in ("drain", "take", "forget")])


class QueueForm(forms.Form):
    act = forms.ChoiceField(choices=[*Place.choices, ("cancel", "cancel")])


WRONG = {
    "invalid": "Write a whole number, or leave it empty.",
    "min_value": "Write 0 or more, or leave it empty.",
    "max_value": "Write %(limit_value)s at most.",
}


class QuotaForm(forms.Form):
    """What stays empty is as the settings say."""

    at_once = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=1000,
        error_messages=WRONG,
        label="Builds at once",
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    storage_mb = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=1_000_000_000,
        error_messages=WRONG,
        label="Storage in MB",
        widget=forms.TextInput({"inputmode": "numeric"}),
    )

    def __init__(self, data=None, **kwargs):
        super().__init__(data, label_suffix="", **kwargs)
