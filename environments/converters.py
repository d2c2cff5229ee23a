from django.urls import register_converter

from . import names


class NameConverter:
    regex = names.PATTERN

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


class NumberConverter:
    """A version number: no sign, no leading zero, small enough for every database."""

    regex = "[1-9][0-9]{0,8}"

    def to_python(self, value):
        return int(value)

    def to_url(self, value):
        return str(value)


register_converter(NameConverter, "name")
register_converter(NumberConverter, "number")
