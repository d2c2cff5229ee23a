from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.views import APIView

from envportal.pages import ByMoment
from events.models import COLUMNS, Event

from .access import get_events
from .event_forms import EventFilterForm
from .event_views import as_file

TEXTS = {
    "person": "who acted, or whom it is about",
    "verb": "what was done, such as signed-in, denied, deleted",
    "object": "a part of the name of what it was done to, or its id",
    "workspace": "only there",
    "since": "first day",
    "until": "last day",
}
PARAMETERS = [OpenApiParameter(name, str, description=text) for name, text in TEXTS.items()]


class EventSerializer(serializers.ModelSerializer):
    before = serializers.DictField(allow_null=True, help_text="of what changed, as it was")
    after = serializers.DictField(allow_null=True, help_text="of what changed, as it is since")

    class Meta:
        model = Event
        fields = COLUMNS
        read_only_fields = fields


class EventList(generics.ListAPIView):
    """Who did what to which object, when; newest first. Owners of workspaces see those of theirs."""

    serializer_class = EventSerializer
    pagination_class = ByMoment

    @extend_schema(parameters=PARAMETERS)
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):  # asked for by the schema alone
            return Event.objects.none()
        return EventFilterForm(self.request.query_params).apply_or_raise(get_events(self.request))


class EventExport(APIView):
    @extend_schema(parameters=PARAMETERS, responses={(200, "application/octet-stream"): bytes})
    def get(self, request, kind):
        """The whole list as csv or json."""
        filters = EventFilterForm(request.query_params)
        return as_file(filters.apply_or_raise(get_events(request)), filters, kind)
