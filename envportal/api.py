"""What all of the API has in common."""

from rest_framework import parsers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler

from environments.faults import DefinitionFault, UserFault


def answer_fault(fault, context):
    """A person's fault is a 400 that names the field; all else is as the framework does it."""
    if isinstance(fault, DefinitionFault):
        fault = ValidationError({"definition": [finding.sentence for finding in fault.findings]})
    elif isinstance(fault, UserFault):
        fault = ValidationError({fault.field or "detail": [fault.message] if fault.field else fault.message})
    return exception_handler(fault, context)


class JSONParser(parsers.JSONParser):
    """One that takes what is nested too deep for a fault of the caller."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as fault:
            raise ParseError("JSON parse error: nested too deep.") from fault


class Pages(CursorPagination):
    """`{"results": [...], "next": URL or null}`; a page costs the same however far it is."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

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


class ByNumber(Pages):
    ordering = "-number"


class ByAge(Pages):
    ordering = ("-created", "pk")
