"""How lists of the API, and long ones of pages, are turned page by page."""

from django.core.exceptions import ValidationError as ValidationFault
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class Pages(CursorPagination):
    """`{"results": [...], "next": URL or null}`; a page costs the same however far it is."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def decode_cursor(self, request):
        cursor = super().decode_cursor(request)
        if cursor and "\0" in (cursor.position or ""):  # which PostgreSQL would not take
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationFault) as fault:  # a cursor that was made up
            raise NotFound(self.invalid_cursor_message) from fault

    def get_paginated_response(self, data):
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema):
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": "string", "format": "uri", "nullable": True},
            },
        }


class ByName(Pages):
    ordering = "name"


class ByEnvironment(Pages):
    ordering = ("environment__name", "pk")


class ByPerson(Pages):
    ordering = ("user__username", "pk")


class ByKind(Pages):
    ordering = ("kind", "subject", "pk")


class ByNumber(Pages):
    ordering = "-number"


class ByAge(Pages):
    ordering = ("-created", "pk")


class ByMoment(Pages):
    ordering = ("-created", "-id")


class ByStart(Pages):
    ordering = ("-started", "id")
