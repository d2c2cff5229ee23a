from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from . import log, log_raw, log_search, streams
from .access import get_build

LOG_PIECE = 4_000_000  # bytes in one answer
LINES = 1000  # in one answer


class OffsetSerializer(serializers.Serializer):
    offset = serializers.IntegerField(min_value=0, max_value=2**62, default=0)


class BuildLog(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("offset", OpenApiTypes.INT, description="bytes to leave out at the start"),
            OpenApiParameter("Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="such as `bytes=0-999`"),
        ],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (206, "text/plain"): OpenApiTypes.STR,
            416: OpenApiResponse(description="the log is not that long"),
        },
    )
    def get(self, request, pk):
        """The log as text from `offset` on. The header X-Next-Offset says where to go on; with Range, those bytes."""
        build = get_build(request, pk)
        if log_raw.is_range(request):
            return log_raw.answer(request._request, build)
        asked = OffsetSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        offset = asked.validated_data["offset"]
        data = log.read(build, offset, LOG_PIECE)
        headers = {"X-Next-Offset": offset + len(data), "X-Content-Type-Options": "nosniff"}
        return HttpResponse(data, content_type="text/plain; charset=utf-8", headers=headers)


class LinesSerializer(serializers.Serializer):
    line = serializers.IntegerField(min_value=1, max_value=2**31, default=1)
    search = serializers.CharField(max_length=200, default="", trim_whitespace=False, allow_blank=True)


class LineSerializer(serializers.Serializer):
    line = serializers.IntegerField(source="number")
    offset = serializers.IntegerField()
    text = serializers.CharField(help_text="without colours; of a very long line its beginning")
    cut = serializers.IntegerField(help_text="bytes of it that are not in `text`")


class LogLinesSerializer(serializers.Serializer):
    results = LineSerializer(source="lines", many=True)
    next = serializers.IntegerField(allow_null=True, help_text="the line to go on from, even when nothing was found")


class LogLines(APIView):
    @extend_schema(parameters=[LinesSerializer], responses=LogLinesSerializer)
    def get(self, request, pk):
        """Lines of the log from `line` on: all, or those with the text `search`, whatever its case."""
        build = get_build(request, pk)
        asked = LinesSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        line, text = asked.validated_data["line"], asked.validated_data["search"]
        found = log_search.search(build, text, line) if text else self.all_from(build, line)
        return Response(LogLinesSerializer(found).data)

    @staticmethod
    def all_from(build, line):
        lines = log.lines_between(build, line, line + LINES - 1)
        goes_on = lines and lines[-1].number < log.extent(build).next.number - 1
        return log_search.Found(lines, lines[-1].number + 1 if goes_on else None)


class EventStream(JSONRenderer):
    """For those who accept nothing else; what went wrong is still said in JSON."""

    media_type = "text/event-stream"


class LogStream(APIView):
    renderer_classes = [JSONRenderer, EventStream]

    @extend_schema(
        parameters=[
            OpenApiParameter("offset", OpenApiTypes.INT, description="bytes to leave out at the start"),
            OpenApiParameter("Last-Event-ID", OpenApiTypes.STR, OpenApiParameter.HEADER, description="the same"),
        ],
        responses={
            (200, "text/event-stream"): OpenApiTypes.STR,
            204: OpenApiResponse(description="all of it was seen, and nothing more will come"),
        },
    )
    def get(self, request, pk):
        """The log while it is written, as server-sent events.

        `log` has `offset` and `text`, and as its id where to go on; `build` has `status`, `stage` and `reason`;
        `alive` is sent when nothing else is; `end` comes last.
        """
        return streams.answer(request._request, get_build(request, pk), streams.Caller())
