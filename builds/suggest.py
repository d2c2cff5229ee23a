"""Suggestions for editors, as JSON or as options of a datalist."""

from django import forms
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from . import suggestions

MOST_CHANNELS = 10


class SuggestForm(forms.Form):
    """`name` asks for its versions, `q` for names that begin with it.

    A row of the editor sends its own fields: `pip_name` stands for `q`, and for `name` when `pip_constraint` is there.
    """

    manager = forms.ChoiceField(choices=[("pip", "pip"), ("conda", "conda")])
    q = forms.CharField(required=False, max_length=200)
    name = forms.CharField(required=False, max_length=200)
    channels = forms.CharField(required=False, max_length=500)

    def __init__(self, data):
        manager = data.get("manager", "")
        typed = data.get(f"{manager}_name")
        if typed is not None:
            data = data.copy()
            data["name" if f"{manager}_constraint" in data else "q"] = typed
        super().__init__(data)
        self.fields["as"] = forms.ChoiceField(required=False, choices=[("options", "options")])

    def clean_channels(self):
        channels = [channel.strip() for channel in self.cleaned_data["channels"].split(",") if channel.strip()]
        if len(channels) > MOST_CHANNELS:
            raise forms.ValidationError(f"At most {MOST_CHANNELS} channels are asked.")
        return channels

    def answer(self, user):
        asked = self.cleaned_data
        if asked["name"]:
            return suggestions.versions(user, asked["manager"], asked["name"], asked["channels"])
        return suggestions.names(user, asked["manager"], asked["q"], asked["channels"])


@cache_control(private=True, max_age=60)
def suggest(request):
    form = SuggestForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    answer = form.answer(request.user)
    if form.cleaned_data["as"]:
        return render(request, "builds/options.html", {"answer": answer})
    return JsonResponse(answer.as_dict())
