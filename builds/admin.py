from django.contrib import admin

from environments.admin import ReadOnly

from .models import Build, Lock, Worker


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


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    list_display = ["name", "slots", "heard_at", "is_sandboxed", "sandbox_note"]
