"""What one was told, and what one wants to be told."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rest_framework.request import Request

from envportal.pages import ByMoment

from .notice_forms import ChoicesForm, NoticeFilterForm

SHOWN_MAILS = 10


@never_cache
def notices(request):
    """The list, newest first."""
    form = NoticeFilterForm(request.GET)
    is_narrow = form.is_valid() and form.cleaned_data["unread"]
    found = request.user.notices.select_related("workspace")
    pages = ByMoment()
    context = {
        "section": "notices",
        "notices": pages.paginate_queryset(found.unread() if is_narrow else found, Request(request)),
        "is_narrow": is_narrow,
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
    }
    return render(request, "environments/notices.html", context)


@never_cache
def open_notice(request, pk):
    """Go to what a notice is about. Whoever went there has read it."""
    notice = get_object_or_404(request.user.notices, pk=pk)
    request.user.notices.filter(pk=pk).mark_read()
    return redirect(notice.link if url_has_allowed_host_and_scheme(notice.link, None) else "notices")


@require_POST
def read_notices(request, pk=None):
    """Mark one as read, or all."""
    found = request.user.notices.all() if pk is None else request.user.notices.filter(pk=pk)
    found.mark_read()
    return redirect("notices")


@never_cache
def choices(request):
    """Which kinds one is told of, and how."""
    form = ChoicesForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("notice-choices")
    context = {
        "section": "account",
        "tab": "notices",
        "form": form,
        "has_email": settings.HAS_EMAIL,
        "mails": request.user.mails.order_by("-created", "-id")[:SHOWN_MAILS],
    }
    return render(request, "environments/notice_choices.html", context)
