import re

from django.urls import register_converter

from . import label_names, names, version_files, wheel_urls, workspace_secrets


class NameConverter:
    regex = names.PATTERN

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


class NumberConverter:
    """A version number: no sign, no leading zero, small enough for every database."""

    regex = label_names.NUMBER

    def to_python(self, value):
        return int(value)

    def to_url(self, value):
        return str(value)


class ReferenceConverter(NumberConverter):
    """The number of a version, or a label that points at one."""

    regex = label_names.REFERENCE

    def to_python(self, value):
        return int(value) if value.isdecimal() else value


class LabelConverter(NameConverter):
    regex = label_names.PATTERN


class HashConverter(NameConverter):
    regex = wheel_urls.SHA256


class WheelConverter(NameConverter):
    """The file name of a wheel."""

    regex = wheel_urls.FILENAME


class SecretConverter(NameConverter):
    regex = f"{workspace_secrets.NAME[:-1]}{{0,{workspace_secrets.LONGEST_NAME - 1}}}"


class FileConverter(NameConverter):
    """The name of a file that a version can be downloaded as."""

    regex = "|".join(re.escape(name) for name in version_files.FILES)


register_converter(FileConverter, "file")
register_converter(NameConverter, "name")
register_converter(LabelConverter, "label")
register_converter(NumberConverter, "number")
register_converter(ReferenceConverter, "version")
register_converter(SecretConverter, "secret")
register_converter(HashConverter, "sha256")
register_converter(WheelConverter, "wheel")
