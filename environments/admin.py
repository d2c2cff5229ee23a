from django.contrib import admin

from .models import Environment, Membership, Rule, Token, Version, Workspace
from .wheels import PrivateWheel

admin.site.site_header = admin.site.site_title = "envportal administration"
admin.site.index_title = "What the portal keeps"


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    list_display = ["name", "created"]
    search_fields = ["name"]
    inlines = [MembershipInline]


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
    list_display = ["user", "name", "created"]
    list_select_related = ["user"]
    search_fields = ["user__username", "name"]
    fields = ["user", "name", "created"]
    readonly_fields = ["user", "name", "created"]

    def has_add_permission(self, request):
        return False  # a token is shown once, by the command that makes it


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):
    """What definitions may and must say; what this release knows itself stands in policy.py."""

    list_display = ["kind", "subject", "date", "replacement", "message"]
    list_display_links = ["subject"]
    list_filter = ["kind"]
    search_fields = ["subject", "message"]
