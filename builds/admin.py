from django.contrib import admin

from environments.admin import ReadOnly

from .models import Build, LicenceRules, Lock, Share, SigningKey, Worker


@admin.register(Build)
class BuildAdmin(ReadOnly):
    list_display = ["short_id", "version", "status", "failure", "asked_by", "created", "worker"]
    list_select_related = ["version__environment", "asked_by"]
    list_filter = ["status", "failure"]
    search_fields = ["version__environment__name", "image_key"]


@admin.register(Lock)
class LockAdmin(ReadOnly):
    list_display = ["digest", "python", "platform", "created"]
    search_fields = ["digest"]


@admin.register(LicenceRules)
class LicenceRulesAdmin(ReadOnly):
    list_display = ["__str__", "otherwise", "changed_by", "changed"]
    list_select_related = ["workspace", "changed_by"]


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnly):
    list_display = ["keyid", "created"]
    search_fields = ["keyid"]


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    list_display = ["name", "slots", "heard_at", "is_sandboxed", "sandbox_note"]


@admin.register(Share)
class ShareAdmin(admin.ModelAdmin):
    """How many builds of a workspace run at once; a workspace without a row has as many as the setting says."""

    list_display = ["workspace", "at_once", "served_at"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name"]
    autocomplete_fields = ["workspace"]
    readonly_fields = ["served_at"]
