"""What all of the API has in common."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import JsonResponse
from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.views import exception_handler

from environments.faults import DefinitionFault, UserFault
from environments.uploads import TooLarge as WheelTooLarge


def answer_fault(fault, context):
    """A person's fault is a 400 that names the field; all else is as the framework does it."""
    if isinstance(fault, WheelTooLarge):
        fault = TooLarge(fault.message)
    elif isinstance(fault, DefinitionFault):
        fault = ValidationError({"definition": [finding.sentence for finding in fault.findings]})
    elif isinstance(fault, UserFault):
        fault = ValidationError({fault.field or "detail": [fault.message] if fault.field else fault.message})
    elif isinstance(fault, RequestDataTooBig):
        fault = TooLarge()
    return exception_handler(fault, context)


def nothing(request, path):
    """The answer to an address of the API that does not exist: JSON, whatever the method."""
    return JsonResponse(
        {"detail": f"The API has no address {request.path}. Its addresses end with a slash."}, status=404
    )


class TooLarge(APIException):
    status_code = 413
    default_detail = f"A request has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."


class JSONParser(parsers.JSONParser):
    """One that takes what is nested too deep for a fault of the caller."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as fault:
            raise ParseError("JSON parse error: nested too deep.") from fault
