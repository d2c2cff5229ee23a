import pytest
from django.conf import settings as django_settings

from builds import pack, worker
from builds.lock import Package
from builds.models import Build, Lock
from builds.tests import conda_channel, loopback
from builds.tests.in_process import HERE, run
from environments.models import Interpreter


@pytest.fixture(scope="session")
def channel_folder():
    """Real conda channels as files, made once and kept from run to run."""
    return conda_channel.ready(django_settings.VAR)


@pytest.fixture
def conda(channel_folder, settings, tmp_path):
    """The channels `team` and `other` on loopback, below the channel alias; nothing of conda is cached before."""
    with conda_channel.serve(channel_folder) as served:
        uv = settings.CACHE / "uv"
        settings.CHANNEL_ALIAS, settings.CACHE = served.url, tmp_path / "cache"
        settings.CACHE.mkdir()
        uv.mkdir(parents=True, exist_ok=True)
        (settings.CACHE / "uv").symlink_to(uv)
        yield served


@pytest.fixture
def index(settings, tmp_path):
    """A package index on loopback that has what a test puts there, and nothing else; nothing of it is cached before."""
    with loopback.serve() as registry:
        settings.INDEX_URL, settings.CACHE = f"{registry.url}simple/", tmp_path / "cache-of-index"
        settings.CACHE.mkdir()
        yield registry


@pytest.fixture(scope="session")
def found_pythons():
    """The interpreters of this machine. To look for them takes up to a second, and they stay the same."""
    return worker.find_pythons()


@pytest.fixture
def pythons(db, found_pythons):
    """The worker `w` has said which interpreters this machine has."""
    Interpreter.objects.report("w", found_pythons)


@pytest.fixture
def request_build(environment, editor, wanted, pythons):
    """Register a definition of these pip lines and request a build of it."""

    def request_build(*pip, environment=environment, **definition):
        version, _ = environment.register(wanted(*pip, **{"python": HERE} | definition), editor)
        return version.builds.request(version, editor)

    return request_build


@pytest.fixture
def make(request_build):
    """Register, build, and return the build as the database has it."""
    return lambda *pip, **definition: run(request_build(*pip, **definition))


@pytest.fixture
def installed(make, settings):
    """Build a definition by the engine. Return (the build, its prefix)."""

    def installed(*pip, conda=(), channels=("team",), **base):
        build = make(*pip, **{"conda": conda, "channels": channels} | base)
        assert (build.status, build.reason) == ("succeeded", "")
        return build, settings.PREFIXES / build.supplier.prefix

    return installed


@pytest.fixture
def good(build, settings):
    """A build that succeeded, with a lock and a prefix, without the time that it takes to make them."""
    package = Package("pip", "idna", "3.10", "https://files.example.org/idna-3.10-py3-none-any.whl", "a" * 64, 1, True)
    lock = Lock.objects.store("3.11.7", "linux-64", [package])
    build.move_to("running", worker="w", lock=lock)
    build = Build.objects.with_subject().select_related("lock").get(pk=build.pk)
    pack.write_documents(build)
    (settings.PREFIXES / str(build.pk) / "bin").mkdir(parents=True)
    (settings.PREFIXES / str(build.pk) / "bin" / "tool").write_text("#!/bin/sh\n")
    build.finish("succeeded", prefix=str(build.pk))
    return build
