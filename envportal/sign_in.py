"""Signing in and out, and what happens to those who have not."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse

from environments.portal_roles import with_roles
from environments.texts import count

from . import oidc
from .attempts import Attempts


class Accounts(ModelBackend):
    """Local accounts. A person comes with their roles on the whole portal, in the same query."""

    def get_user(self, user_id):
        user = with_roles(get_user_model()._default_manager.filter(pk=user_id)).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj, obj=None):
        """None of Django's own: who may do what stands in the rules, and there alone."""
        return set()


class SignInRequired(LoginRequiredMiddleware):
    def handle_no_permission(self, request, view_func):
        """A part of a page gets a bare 401, so that no form is put where what somebody typed stands."""
        if request.htmx:
            return HttpResponse(status=401)
        return super().handle_no_permission(request, view_func)


class SignIn(LoginView):
    redirect_authenticated_user = True
    wait = 0  # seconds until somebody may try again

    def post(self, request, *args, **kwargs):
        name = request.POST.get("username", "")[:150]
        attempts = Attempts(request, name.casefold())
        self.wait = attempts.begin()
        if self.wait:
            return self._too_many()
        answer = super().post(request, *args, **kwargs)
        if request.user.is_authenticated:
            attempts.forget()
        return answer

    def _too_many(self):
        answer = self.render_to_response(self.get_context_data(form=self.get_form()), status=429)
        answer["Retry-After"] = str(self.wait)
        return answer

    def get_context_data(self, **kwargs):
        minutes = -(-self.wait // 60)
        return super().get_context_data(
            **kwargs, wait=self.wait and count(minutes, "minute"), oidc=oidc.name(), by_mail=settings.HAS_EMAIL
        )

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


@login_not_required
def admin_sign_in(request):
    """The administration has no way in of its own, around what is counted and refused here."""
    if request.user.is_authenticated:
        raise PermissionDenied("Django's admin is for administrators.")
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


sign_in = SignIn.as_view()
sign_out = login_not_required(SignOut.as_view())
