from django.contrib import admin

from environments.admin import ReadOnly

from .models import Build, LicenceRules, Lock, Share, SigningKey, Worker


@admin.register(Build)
class BuildAdmin(ReadOnly):
    list_display = ["short_id", "version", "status", "failure", "asked_by", "created", "worker"]
    list_select_related = ["version__environment", "asked_by"]
    list_filter = ["status", "failure", "version__environment__workspace"]
    date_hierarchy = "created"
    search_fields = ["version__environment__name", "image_key"]


@admin.register(Lock)
class LockAdmin(ReadOnly):
    list_display = ["digest", "python", "platform", "created"]
    list_filter = ["platform"]
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
    """Drained and forgotten under Administration, Workers."""

    list_display = ["name", "slots", "is_draining", "heard_at", "version", "platform", "is_sandboxed", "sandbox_note"]
    list_filter = ["is_draining", "is_sandboxed"]
    search_fields = ["name"]


@admin.register(Share)
class ShareAdmin(ReadOnly):
    """What a workspace may have; changed under Administration, Quotas, which writes the event."""

    list_display = ["workspace", "at_once", "storage_mb", "served_at"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name"]
