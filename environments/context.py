from .models import Workspace


def portal(request):
    """What every page's bar shows. Lazy, so that a part of a page costs no query for it."""
    return {
        "theme": theme if (theme := request.COOKIES.get("theme")) in ("light", "dark") else "",
        "my_workspaces": lambda: _workspaces(request.user),
    }


def _workspaces(user):
    return Workspace.objects.worked_in_by(user).with_role_of(user)[:30] if user.is_authenticated else ()
