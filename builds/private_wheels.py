"""The private wheels of a build, fetched from the portal. Done for an Attempt of `engine.py`."""

from django.conf import settings

from environments.texts import count

from . import fetch
from .failures import Failure
from .resolve import WHEELS


def fetch_all(attempt):
    """Fetch them by addresses that open to whoever has them, for some minutes."""
    (attempt.work / WHEELS).mkdir()
    here = {(wheel.sha256, wheel.filename) for wheel in attempt.wheels}
    for url in attempt.definition.wheels:
        if (url.sha256, url.filename) not in here:
            told = f"The private wheel {url.filename} is not in {attempt.build.workspace}."
            attempt.give_up(Failure.WHEEL, told)
    for wheel in attempt.wheels:
        attempt.say(f"Fetching the private wheel {wheel}, {count(wheel.size, 'byte')}")
        _fetch(attempt, wheel, settings.RESOLVE_SECONDS)


def _fetch(attempt, wheel, seconds):
    facts = {"size": wheel.size, "sha256": wheel.sha256, "seconds": seconds}
    with attempt.ends_in_time("resolve", seconds):
        try:
            fetch.fetch(wheel.signed_url(), attempt.work / WHEELS / wheel.filename, **facts, beat=attempt.beat)
        except fetch.Refused as fault:
            told = f"The portal does not give out the private wheel {wheel}. It answered {fault}."
            attempt.give_up(Failure.WHEEL, told)
        except fetch.Unreachable as fault:
            told = f"The portal could not be reached to fetch the private wheel {wheel}: {fault}. "
            attempt.give_up(Failure.NETWORK, told + "Administrators say with ENVPORTAL_URL where workers reach it.")
        except fetch.WrongFile:
            told = f"{wheel} is not the file that was uploaded: its size or its hash is another."
            attempt.give_up(Failure.HASH_MISMATCH, told)
