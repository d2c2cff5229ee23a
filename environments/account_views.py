"""What belongs to a person: tokens, sessions, password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from envportal.attempts import Attempts

from .account_forms import TokenForm
from .forms import PageForm
from .models import Session
from .texts import count

PAGE = 50


@never_cache
@sensitive_variables("made", "text")
def tokens(request):
    """The list. POST makes one and shows it, this once."""
    form = TokenForm(request.user, request.POST if request.method == "POST" else None)
    made = form.save() if form.is_valid() else None
    found = request.user.tokens.select_related("workspace").order_by("-created", "pk")
    context = {
        "section": "account",
        "tab": "tokens",
        "form": TokenForm(request.user) if made else form,
        "made": made,
        "page": Paginator(found, PAGE).get_page(PageForm(request.GET).page_number),
    }
    status = 422 if form.is_bound and not made else 200
    return render(request, "environments/tokens.html", context, status=status)


@require_POST
def revoke_token(request, pk):
    token = get_object_or_404(request.user.tokens, pk=pk)
    token.delete()
    messages.info(request, f"{token.name or 'The token'} is revoked. It opens nothing any more.")
    return redirect("tokens")


@never_cache
def sessions(request):
    """Where one is signed in. POST ends all sessions but this one."""
    mine = Session.objects.of(request.user)
    if request.method == "POST":
        ended = mine.exclude(pk=request.session.session_key).end(request.user)
        messages.info(request, f"{ended} ended. You stay signed in here." if ended else "There is no other session.")
        return redirect("sessions")
    context = {
        "section": "account",
        "tab": "sessions",
        "current": request.session.session_key,
        "page": Paginator(mine, PAGE).get_page(PageForm(request.GET).page_number),
    }
    return render(request, "environments/sessions.html", context)


@require_POST
def end_session(request, handle):
    session = get_object_or_404(Session.objects.of(request.user).select_related("user"), handle=handle)
    is_this_one = session.session_key == request.session.session_key
    session.end()
    if is_this_one:
        return redirect("sign-in")
    messages.info(request, "That session is ended.")
    return redirect("sessions")


@never_cache
@sensitive_post_parameters()
def password(request):
    """Change one's own. All other sessions end with the old one.

    The old one is counted as where one signs in: whoever found a session open tries no passwords here.
    """
    if not request.user.has_usable_password():
        raise Http404("This person signs in elsewhere.")
    attempts = Attempts(request, request.user.get_username().casefold())
    wait = attempts.begin() if request.method == "POST" else 0
    is_looked_at = request.method == "POST" and not wait
    form = PasswordChangeForm(request.user, request.POST if is_looked_at else None, label_suffix="")
    form.fields["new_password2"].label = "New password, again"
    if is_looked_at and "old_password" not in form.errors:
        attempts.forget()
    if form.is_valid():
        with transaction.atomic():
            form.save()
        update_session_auth_hash(request, form.user)
        messages.info(request, "Your password is changed. Wherever else you were signed in, you are not any more.")
        return redirect("password")
    context = {"form": form, "section": "account", "tab": "password", "wait": wait and count(-(-wait // 60), "minute")}
    answer = render(request, "environments/password.html", context, status=422 if form.is_bound else 200)
    if wait:
        answer.status_code, answer.headers["Retry-After"] = 429, str(wait)
    return answer
