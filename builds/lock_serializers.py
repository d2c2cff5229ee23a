from rest_framework import serializers

from .models import LockedPackage


class PackageSerializer(serializers.ModelSerializer):
    requested_by = serializers.ListField(child=serializers.CharField(), help_text="names of the packages that need it")
    is_source = serializers.BooleanField(
        read_only=True, help_text="a source distribution, which is built before it is installed"
    )

    class Meta:
        model = LockedPackage
        fields = [
            "manager", "name", "version", "build", "channel", "subdir", "direct", "requested_by", "url", "sha256", "size",
            "licence", "is_source",
        ]  # fmt: skip
        extra_kwargs = {"url": {"help_text": "of a private wheel only what follows the address of its workspace"}}


class ChangeSerializer(serializers.Serializer):
    """One package that is another than before."""

    kind = serializers.CharField()
    name = serializers.CharField()
    manager = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    level = serializers.CharField(help_text="major, minor or patch, where both versions can be compared")
    direct = serializers.BooleanField()


class TotalsSerializer(serializers.Serializer):
    packages = serializers.IntegerField()
    size = serializers.IntegerField(help_text="bytes to download")
    unsized = serializers.IntegerField(help_text="packages whose size nobody says")


class DiagnosisSerializer(serializers.Serializer):
    """Why packages cannot be had."""

    failure = serializers.CharField()
    reason = serializers.CharField()
    chain = serializers.ListField(child=serializers.CharField(), help_text="the same, step by step")
