"""Setting a password by a link, and asking for such a link by mail. Django's own views, told how the portal answers."""

import math

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView, PasswordResetView
from django.db import transaction
from django.http import Http404
from django.urls import reverse, reverse_lazy

from environments import password_links
from environments.texts import count
from events.actor import address_of
from events.models import Tally
from events.tally import hidden

HOUR = 3600  # seconds
PER_ADDRESSEE, PER_ADDRESS = 5, 20  # mails that are asked for in an hour: to one address, and from one place


class SetPassword(PasswordResetConfirmView):
    template_name = "registration/set_password.html"
    success_url = reverse_lazy("sign-in")

    def get_user(self, uidb64):
        user = super().get_user(uidb64)
        return user if user and user.is_active else None

    def get_form(self, form_class=None):
        form = super().get_form(form_class)
        form.label_suffix = ""
        form.fields["new_password2"].label = "New password, again"
        return form

    @transaction.atomic
    def form_valid(self, form):
        """Of two who use the link at the same time, the second finds it used."""
        form.user = get_user_model().objects.select_for_update().get(pk=self.user.pk)
        if not self.token_generator.check_token(form.user, self.request.session[INTERNAL_RESET_SESSION_TOKEN]):
            self.validlink = False
            return self.render_to_response(self.get_context_data())
        messages.info(self.request, "Your password is set. Sign in with it.")
        return super().form_valid(form)

    def render_to_response(self, context, **kwargs):
        if not self.validlink:
            kwargs["status"] = 410
        elif self.request.method == "POST":
            kwargs["status"] = 422
        return super().render_to_response(context, **kwargs)


class AskForm(PasswordResetForm):
    def save(self, **kwargs):
        password_links.send_to(self.cleaned_data["email"])


class Ask(PasswordResetView):
    """Whether anybody has the address that was typed is not said: neither in words nor by how long it takes."""

    template_name = "registration/ask_password.html"
    form_class = AskForm
    wait = 0  # seconds until somebody may ask again

    def dispatch(self, request, *args, **kwargs):
        if not settings.HAS_EMAIL:
            raise Http404("No mail server is set up.")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form):
        self.wait = self._count(form.cleaned_data["email"])
        if self.wait:
            answer = self.render_to_response(self.get_context_data(form=form), status=429)
            answer["Retry-After"] = str(self.wait)
            return answer
        return super().form_valid(form)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_success_url(self):
        return f"{reverse('ask-password')}?asked=yes"

    def get_context_data(self, **kwargs):
        wait = self.wait and count(math.ceil(self.wait / 60), "minute")
        return super().get_context_data(
            **kwargs, wait=wait, asked="asked" in self.request.GET, hours=password_links.HOURS
        )

    def _count(self, email):
        """Count one more. Return after how many seconds it may be tried again; 0 when it may now."""
        place = address_of(self.request.META, settings.PROXIES)
        limits = ((hidden("address", place), PER_ADDRESS), (hidden("mail", email.casefold()), PER_ADDRESSEE))
        for key, most in limits:
            number, left = Tally.objects.add("password", key, HOUR)
            if number > most:
                return math.ceil(left)
        return 0


set_password = SetPassword.as_view()
ask = login_not_required(Ask.as_view())
