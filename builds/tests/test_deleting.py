"""A version is deleted while somebody comes to name it: one of the two is told, and neither end is a fault of ours."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone

from builds.models import Lock, VersionLock
from builds.tests.test_models import PACKAGE
from environments import lifecycle
from environments.faults import Refused
from environments.models import Version
from runs.models import Run

pytestmark = pytest.mark.django_db(transaction=True)
MEANWHILE = 0.3  # seconds that the first of the two takes before it commits, and the second tries


def ask(version, by):
    version.builds.request(version, by)


def look(version, by):
    VersionLock.objects.offer(version, Lock.objects.store("3.11.7", "linux-64", [PACKAGE]), by)


def ran(version, by):
    Run.objects.record(version.workspace, by, version=version, started=timezone.now(), person="x")


def delete_all(version, by):
    lifecycle.delete(version.environment, by)


def at_once(first, second):
    """Do both, the second before the first is committed. Return what each was refused for, or empty."""
    begun = threading.Event()

    def act(do, waits):
        try:
            if waits:
                begun.wait(5)
            with transaction.atomic():
                do()
                begun.set()
                time.sleep(0 if waits else MEANWHILE)
        except Refused as fault:
            return fault.message
        finally:
            begun.set()
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as clients:
        return [each.result() for each in (clients.submit(act, first, False), clients.submit(act, second, True))]


@pytest.mark.parametrize("delete", [lifecycle.delete, delete_all], ids=["the version", "its environment"])
@pytest.mark.parametrize("name", [ask, look, ran], ids=["a build", "a lock", "a run"])
def test_what_names_a_version_that_is_just_deleted_is_refused(version, editor, name, delete):
    mine = Version.objects.select_related("environment__workspace").get(pk=version.pk)
    assert at_once(lambda: delete(version, editor), lambda: name(mine, editor)) == [
        "",
        "Version 1 of science was deleted meanwhile.",
    ]


@pytest.mark.parametrize("delete", [lifecycle.delete, delete_all], ids=["the version", "its environment"])
@pytest.mark.parametrize("name", [ask, ran], ids=["a build", "a run"])
def test_a_version_that_is_just_being_named_stays(version, editor, name, delete):
    mine = Version.objects.select_related("environment__workspace").get(pk=version.pk)
    told = at_once(lambda: name(mine, editor), lambda: delete(version, editor))
    assert (told[0], "names it. Archived, it is hidden" in told[1]) == ("", True), told
    assert Version.objects.filter(pk=version.pk).exists()


def test_what_was_just_made_from_a_curated_version_holds_it(curated, workspace, editor, wanted):
    mine = workspace.add_environment("mine", editor)
    origin = Version.objects.select_related("environment__workspace", "environment__curation").get(pk=curated.pk)
    told = at_once(
        lambda: lifecycle.delete(curated, editor),
        lambda: mine.register(wanted("idna==3.10", "rich==13.0"), editor, origin=origin),
    )
    assert told == ["", "Version 1 of AzureML-Minimal was deleted meanwhile."]
