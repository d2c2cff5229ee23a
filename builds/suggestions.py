"""What an editor offers while somebody types: names of packages, and versions of one.

A web request waits at most ENVPORTAL_SUGGEST_SECONDS for the outside, and never fetches a list of names: a worker
does. Where the outside does not answer, what it said before and what the portal itself has locked answer instead,
and `complete` is false.
"""

import logging
import time
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.core.cache import cache
from packaging.utils import canonicalize_name

from . import channels, registry, simple_api
from .flights import Flights, Late
from .models import LockedPackage
from .name_lists import NAME
from .sources import sources

log = logging.getLogger(__name__)

MOST_NAMES = 20
MOST_VERSIONS = 100
MOST_BUILDS = 20  # of one version
MOST_KNOWN = 20_000
FRESH = 3600  # seconds for which an answer about a package is not asked for again
FAULTY = 30  # seconds for which a question that failed is not asked again
KEPT = 30 * 86400  # seconds for which an answer may stand in for one that does not come
KNOWN_FRESH = 300
# Seconds that an answer may take when nobody waits for it any more: the next one who asks finds it.
INDEX_SECONDS = 10
CHANNEL_SECONDS = 120

flights = Flights(most=12)


@dataclass(frozen=True)
class Names:
    names: list
    complete: bool

    def as_dict(self):
        return {"names": self.names, "complete": self.complete}

    @property
    def options(self):
        """(value, label) of each."""
        return [(name, "") for name in self.names]


@dataclass(frozen=True)
class Versions:
    """`about` says more of some versions: the Python that each needs (pip), its builds (conda)."""

    manager: str
    versions: list
    about: dict
    complete: bool

    def as_dict(self):
        more = "requires_python" if self.manager == "pip" else "builds"
        return {"versions": self.versions, more: self.about, "complete": self.complete}

    @property
    def options(self):
        """(value, label) of each."""
        words = "Python {}".format if self.manager == "pip" else " ".join
        return [(version, words(self.about[version]) if version in self.about else "") for version in self.versions]


def names(user, manager, text, asked_channels=()):
    """Suggest names that begin with `text`: itself, those in locks that the person can see, then the registry's."""
    wanted = _beginning(manager, text)
    if wanted is None:
        return Names([], True)
    known = [name for name in _known_names(user, manager) if name.startswith(wanted)]
    asked, complete = sources(manager, asked_channels)
    found = []
    for source in asked:
        complete = source.want() and source.list.age is not None and complete
        # Without a text there is nothing to choose by but use.
        found += source.list.search(wanted, MOST_NAMES) if wanted else []
    exact = [wanted] if wanted in known or wanted in found else []
    return Names(list(dict.fromkeys([*exact, *known, *found]))[:MOST_NAMES], complete)


def versions(user, manager, name, asked_channels=()):
    """Suggest versions of a package, newest first: of conda those of the first channel that has it, as a solver does."""
    name = canonicalize_name(name) if manager == "pip" else name.lower()
    if not NAME.fullmatch(name):
        return Versions(manager, [], {}, True)
    asked, complete = sources(manager, asked_channels)
    deadline = time.monotonic() + settings.SUGGEST_SECONDS
    for source in asked:
        found, is_good = _ask(source, name, deadline) if source.want() else ([], False)
        complete = complete and is_good
        if found:
            about = {version: more for version, more in found if more}
            return Versions(manager, [version for version, _ in found], about, complete)
    known = LockedPackage.objects.visible_to(user).versions_of(manager, name)
    ordered = simple_api.newest_first(known)
    return Versions(manager, [*ordered, *sorted(set(known) - set(ordered), reverse=True)][:MOST_VERSIONS], {}, complete)


def _beginning(manager, text):
    """The beginning of a name as lists have it, or None when no name begins like that."""
    text = text.strip().lower()
    if manager == "pip":
        text = canonicalize_name(text)
    return text if not text or NAME.fullmatch(text.rstrip("-._")) else None


def _known_names(user, manager):
    key = f"known-{manager}-{user.pk}"
    known = cache.get(key)
    if known is None:
        known = list(LockedPackage.objects.visible_to(user).names_by_use(manager)[:MOST_KNOWN])
        cache.set(key, known, KNOWN_FRESH)
    return known


def _ask(source, name, deadline):
    """Return ([(version, more)], whether that is what the registry says): kept, or asked for in time."""
    key = f"versions-{source.key}-{name}"
    kept = cache.get(key) or {"found": [], "until": 0, "is_good": False}
    if kept["until"] < time.time():
        try:
            seconds = max(0, deadline - time.monotonic())
            kept = flights.share(key, partial(_fetch, source, name, key, kept), seconds)
        except Late:
            return kept["found"], False
    return kept["found"], kept["is_good"]


def _fetch(source, name, key, kept):
    """Ask outside and keep the answer. A failure keeps the one before, and is itself remembered for a little."""
    try:
        found = _versions_of_channel(source, name) if source.channel else _versions_of_index(name)
        kept = {"found": found[:MOST_VERSIONS], "until": time.time() + FRESH, "is_good": True}
    except (registry.RegistryFault, channels.ChannelFault) as fault:
        log.info("the versions of %s in %s were not fetched: %s", name, source, fault)
        kept = kept | {"until": time.time() + FAULTY, "is_good": False}
    cache.set(key, kept, KEPT)
    return kept


def _versions_of_index(name):
    try:
        found = registry.releases(registry.index_url(), name, INDEX_SECONDS)
    except registry.NotThere:
        return []
    return [(release.version, release.requires_python) for release in found]


def _versions_of_channel(source, name):
    found = channels.package_versions(source.channel, name, CHANNEL_SECONDS)
    return [(version, builds[:MOST_BUILDS]) for version, builds in found]
