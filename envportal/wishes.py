"""What a setting must be, where one of the usual rules does not say it. Pure: settings are read before all else."""

import ipaddress
from urllib.parse import urlsplit

from environs import ValidationError, validate

from environments import group_words

some_or_all = validate.OneOf(["administrators", "everybody"])


def long_enough(keys):
    if any(len(key) < 32 for key in keys):
        raise ValidationError("Each key needs 32 characters or more.")


def safe_issuer(address):
    # What it says decides who comes in; on this machine alone nobody is between.
    there = urlsplit(address)
    if address and there.scheme != "https" and there.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValidationError("An issuer is an address that begins with https://.")


def group_roles(pairs):
    try:
        group_words.read(pairs)
    except ValueError as fault:
        raise ValidationError(str(fault)) from fault


def networks(texts):
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as fault:
            raise ValidationError(f"{text} is no address and no network.") from fault
