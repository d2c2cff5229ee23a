from rest_framework import generics, serializers

from environments.shelf_views import require_curator
from envportal.pages import ByEnvironment

from .models import Outlook


class OutlookSerializer(serializers.ModelSerializer):
    """The latest version of a curated environment resolved anew, beside the lock that is kept."""

    environment = serializers.CharField(source="environment.name")
    version = serializers.IntegerField(source="version.number")
    lock = serializers.CharField(source="lock.digest", allow_null=True, default=None)
    kept = serializers.CharField(source="kept.digest", allow_null=True, default=None)
    known = serializers.ListField(child=serializers.CharField(), help_text="advisories of the lock that is kept")
    fixed = serializers.ListField(child=serializers.CharField(), help_text="of these, what the newer lock fixes")
    introduced = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Outlook
        fields = [
            "environment", "version", "at", "failure", "lock", "kept", "moved", "words", "size", "is_assessed", "known",
            "fixed", "introduced",
        ]  # fmt: skip


class WaitingList(generics.ListAPIView):
    """For curators: what a look at each curated environment has shown last, newer packages and advisories."""

    serializer_class = OutlookSerializer
    pagination_class = ByEnvironment

    def get_queryset(self):
        require_curator(self.request)
        return Outlook.objects.for_curators()
