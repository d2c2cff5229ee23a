from rest_framework import generics, permissions, serializers

from envportal.pages import ByMoment

from .models import SigningKey


class SigningKeySerializer(serializers.ModelSerializer):
    class Meta:
        model = SigningKey
        fields = ["keyid", "pem", "created"]


class SigningKeyList(generics.ListAPIView):
    """The public keys that statements about builds are signed with, the newest first. No token is needed."""

    queryset = SigningKey.objects.all()
    serializer_class = SigningKeySerializer
    pagination_class = ByMoment
    authentication_classes = []
    permission_classes = [permissions.AllowAny]
