"""Every setting with where its value came from: page and API, for administrators and auditors."""

from itertools import groupby

from django.shortcuts import render
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import require_portal

from . import setting_table
from .settings import VAR


@never_cache
def page(request):
    require_portal(request, "environments.view_administration")
    table = setting_table.table()
    context = {
        "section": "administration",
        "groups": [(group, list(rows)) for group, rows in groupby(table, key=lambda row: row.group)],
        "changed": sum(not row.is_default for row in table),
        "total": len(table),
        "unknown": [row.name for row in table if row.group == "Not known"],
        "file": VAR / "settings.env",
    }
    return render(request, "administration/settings.html", context)


class PortalSettingSerializer(serializers.Serializer):
    name = serializers.CharField()
    group = serializers.CharField()
    value = serializers.CharField(help_text="of a secret only: set, or not set")
    default = serializers.CharField()
    source = serializers.CharField(help_text="environment variable, settings.env or default")
    words = serializers.CharField(help_text="what it means")


class SettingList(APIView):
    """Every setting of the portal. All at once: they are as many as this release has."""

    @extend_schema(responses=PortalSettingSerializer(many=True))
    def get(self, request):
        require_portal(request, "environments.view_administration")
        return Response(PortalSettingSerializer(setting_table.table(), many=True).data)
