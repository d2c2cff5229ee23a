"""What a setting must be, where one of the usual rules does not say it. Pure: settings are read before all else."""

import ipaddress
from urllib.parse import urlsplit

from environs import ValidationError, validate

from environments import group_words

some_or_all = validate.OneOf(["administrators", "everybody"])
python = validate.Regexp(r"^3\.\d+(\.\d+)?\Z", error="A Python is written as 3.12.")
cuda = validate.Regexp(r"^(\d+(\.\d+)*)?\Z", error="A version of CUDA is written as 12.4.")
mail_server = validate.Regexp(
    r"^((smtp(s|\+tls|\+ssl)?|submission)://|(console|file|memory|dummy):|\Z)",
    error="A mail server is written as smtp+tls://user:password@mail.example.org:587.",
)
broker = validate.Regexp(r"^[a-z]+(\+[a-z]+)?://", error="A broker is written as redis://host:6379/0.")


def address(text):
    if text:
        _check_address(text, ("http", "https", "file"))


def origins(texts):
    for text in texts:
        _check_address(text, ("http", "https"))


def _check_address(text, schemes):
    there = urlsplit(text)
    if there.scheme not in schemes or not (there.hostname or there.scheme == "file"):
        raise ValidationError("An address begins with https:// and has a host.")


def mirrors(texts):
    for text in texts:
        name, is_pair, where = text.partition("=")
        if not (name.strip() and is_pair):
            raise ValidationError("Mirrors are written as name=address,name=address.")
        address(where.strip())


def pairs(texts):
    """{name: value} of what is written name=value."""
    return {name.strip(): value.strip() for name, _, value in (text.partition("=") for text in texts)}


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
