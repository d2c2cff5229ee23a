from django.contrib import admin

from environments.admin import ReadOnly

from .models import Run


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["__str__", "workspace", "version", "person", "status", "started", "evidence"]
    list_select_related = ["workspace", "version__environment"]
    list_filter = ["status", "evidence"]
    search_fields = ["external_id"]
    show_full_result_count = False
