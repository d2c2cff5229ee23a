from django.urls import register_converter

from environments.converters import NameConverter


class ExportConverter(NameConverter):
    """What a list can be exported as."""

    regex = "csv|json"


register_converter(ExportConverter, "export")
