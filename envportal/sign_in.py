"""Signing in and out, and what happens to those who have not."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse


class SignInRequired(LoginRequiredMiddleware):
    def handle_no_permission(self, request, view_func):
        """A part of a page gets a bare 401, so that no form is put where what somebody typed stands."""
        if request.htmx:
            return HttpResponse(status=401)
        return super().handle_no_permission(request, view_func)


class SignIn(LoginView):
    redirect_authenticated_user = True

    @transaction.atomic
    def form_valid(self, form):
        return super().form_valid(form)

    def get_redirect_url(self):
        """Where to go on, which is never here again."""
        url = super().get_redirect_url()
        return "" if url.startswith(reverse("sign-in")) else url


class SignOut(LogoutView):
    @transaction.atomic
    def post(self, request, *args, **kwargs):
        return super().post(request, *args, **kwargs)


sign_in = SignIn.as_view()
sign_out = login_not_required(SignOut.as_view())
