"""What runs keep of the builds that they ran in: the files for a while, the record for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from builds import keeping, storage
from builds.models import Build
from builds.tests.test_models import succeed
from runs.models import Run, Status


@pytest.fixture
def old(build, settings):
    """A good build that nobody used for 50 days, and that nothing keeps."""
    settings.KEEP_LAST = 0
    succeed(build)
    then = timezone.now() - timedelta(days=50)
    Build.objects.filter(pk=build.pk).update(finished=then, last_used=None)
    return Build.objects.get(pk=build.pk)


def freed():
    return [decision.build for decision in storage.make_plan().freed]


def record(build, editor, days, **facts):
    started = timezone.now() - timedelta(days=days)
    return Run.objects.record(
        build.workspace, editor, version=build.version, build=build, person="p", started=started, **facts
    )[0]


def test_a_run_keeps_the_files_that_it_had(old, editor):
    assert freed() == [old.pk]
    record(old, editor, 40)
    assert freed() == [old.pk]
    record(old, editor, 3)
    assert freed() == []


def test_the_end_of_a_long_run_counts(old, editor):
    run = record(old, editor, 40, status=Status.RUNNING)
    run.end(Status.COMPLETED)
    assert freed() == []


def test_a_run_in_a_build_that_was_supplied_keeps_the_files_of_the_supplier(old, version, editor):
    reused = version.builds.request(version, editor)
    Build.objects.filter(pk=old.pk).update(last_used=None)
    Build.objects.filter(pk=reused.pk).update(finished=timezone.now() - timedelta(days=49))
    assert freed() == [old.pk]
    record(reused, editor, 3)
    assert freed() == []


def test_a_build_that_a_run_names_is_never_deleted(build, version, editor):
    build.cancel(editor)
    record(build, editor, 90)
    record(build, editor, 91)
    with pytest.raises(keeping.Refused, match="This build is named by 2 runs"):
        keeping.delete(build)
    keeping.delete(_cancelled(version, editor))


def _cancelled(version, editor):
    build = version.builds.request(version, editor)
    build.cancel(editor)
    return build
