from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.html import format_html

from . import portal_people
from .faults import UserFault
from .models import Environment, LastOwner, Rule, Token, Version, Workspace
from .wheels import PrivateWheel

admin.site.site_header = admin.site.site_title = "envportal administration"
admin.site.index_title = "What the portal keeps"


def administers(request):
    """Administrators alone: Django's own permissions, of persons and of groups, are rules of nothing here."""
    return request.user.is_active and request.user.is_superuser


admin.site.has_permission = administers
admin.site.unregister(Group)
admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class PersonAdmin(UserAdmin):
    """Names, addresses and passwords. Roles, and who may sign in, are changed under Administration, People, alone;
    Django's own groups and permissions are no rules here, so they are not offered."""

    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("About", {"fields": ["first_name", "last_name", "email"]}),
        ("Changed under Administration, People", {"fields": ["is_active", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["is_active", "is_superuser", "last_login", "date_joined"]
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_superuser"]
    list_filter = ["is_active", "is_superuser"]
    filter_horizontal = []

    def get_actions(self, request):
        return {}  # one at a time, so that what may not go is said of each

    def get_deleted_objects(self, objs, request):
        """Who alone owns a workspace, or alone is an administrator, is not deleted: that cannot be taken back."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed, [*protected, *(text for user in objs for text in _left_alone(user))]


def _left_alone(user):
    try:
        portal_people.keep_an_administrator(user)
    except UserFault as fault:
        yield fault.message
    yield from (LastOwner(user, workspace).message for workspace in Workspace.objects.only_owned_by(user))


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    """Who is there is changed on the page of its people: by the rules that hold there, and however many they are."""

    list_display = ["name", "people", "created"]
    search_fields = ["name"]
    readonly_fields = ["people"]

    def has_delete_permission(self, request, obj=None):
        return False  # what is in it would go without an event of its own

    @admin.display(description="who is there")
    def people(self, workspace):
        if not workspace.pk or workspace.is_shelf:
            return "–"
        return format_html('<a href="{}">People of {}</a>', reverse("people", args=[workspace.name]), workspace)


class ReadOnly(admin.ModelAdmin):
    """Looked at here; changed only by the verbs of the model."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Environment)
class EnvironmentAdmin(ReadOnly):
    list_display = ["name", "workspace", "latest_number", "changed"]
    list_select_related = ["workspace"]
    list_filter = ["workspace"]
    search_fields = ["name", "description"]


@admin.register(Version)
class VersionAdmin(ReadOnly):
    list_display = ["environment", "number", "author", "created", "image_key"]
    list_filter = ["environment__workspace"]
    date_hierarchy = "created"
    list_select_related = ["environment", "author"]
    search_fields = ["environment__name", "image_key"]


@admin.register(PrivateWheel)
class PrivateWheelAdmin(ReadOnly):
    list_display = ["filename", "workspace", "size", "uploaded_by", "created"]
    list_select_related = ["workspace", "uploaded_by"]
    list_filter = ["workspace"]
    search_fields = ["filename", "sha256"]


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):
    list_display = ["user", "name", "scopes", "workspace", "created", "expires", "used"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username", "name"]
    fields = readonly_fields = ["user", "name", "scopes", "workspace", "created", "expires", "used"]

    def has_add_permission(self, request):
        return False  # a token is shown once, to whom it belongs

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):
    """What definitions may and must say; what this release knows itself stands in policy.py."""

    list_display = ["kind", "subject", "constraint", "manager", "workspace", "date", "replacement", "message"]
    list_display_links = ["subject"]
    list_select_related = ["workspace"]
    list_filter = ["kind", "workspace"]
    raw_id_fields = ["workspace"]
    search_fields = ["subject", "message"]
