"""The cast of every test, and the surroundings that all of them share."""

import os

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from hypothesis import settings as hypothesis_settings

from environments import definition
from environments.models import Invitation, Membership, PortalRole, Role, Token, Workspace
from environments.shelf_loader import portal_person
from environments.uploads import Upload
from envportal import throttle
from envportal.celery import app
from envportal.tests.wheel_maker import make_wheel

# Without a broker of its own a test must not put messages where a real portal would find them.
if "CELERY_BROKER_URL" not in os.environ:
    app.conf.broker_url = "memory://"
    app.conf.broker_transport_options = {}

# The tests of all processes have people of the same numbers, who must not be throttled together.
throttle.counts = throttle.Counts()

# What a test takes on a busy machine says nothing about the code.
hypothesis_settings.register_profile("portal", deadline=None)
hypothesis_settings.load_profile("portal")
django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def pytest_addoption(parser):
    parser.addoption(
        "--database-only", action="store_true", help="run what may differ by the database, after all has run on another"
    )


def pytest_collection_modifyitems(config, items):
    """Deselect what asks for no database: pytest-django refuses it one, so that its answer cannot be another."""
    if config.getoption("database_only"):
        pure = [item for item in items if not asks_for_the_database(item)]
        config.hook.pytest_deselected(items=pure)
        items[:] = [item for item in items if asks_for_the_database(item)]


def asks_for_the_database(item):
    # Every other fixture of pytest-django that needs a database asks for one of these.
    fixtures = {"db", "transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback"}
    return item.get_closest_marker("django_db") is not None or not fixtures.isdisjoint(item.fixturenames)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One more than there are cores, because many tests wait. Each makes a database, so no more than eight."""
    return min(8, (os.cpu_count() or 1) + 1)


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path):
    settings.PREFIXES, settings.WORK = tmp_path / "prefixes", tmp_path / "work"
    settings.WHEELS, settings.UPLOADS = tmp_path / "wheels", tmp_path / "uploads"
    settings.WORK.mkdir()
    settings.PREFIXES.mkdir()
    settings.MIN_FREE_DISK = 1
    settings.REQUESTS_PER_PERSON = settings.REQUESTS_PER_ADDRESS = 0  # a test asks faster than a person may
    settings.SIGNING_KEY = tmp_path / "signing-key.pem"
    settings.SUGGESTIONS = False  # a test asks nobody outside unless it says so
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": tmp_path / "answers"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    logs, artifacts = settings.STORAGES["logs"], settings.STORAGES["artifacts"]
    settings.STORAGES = settings.STORAGES | {
        "logs": logs | {"OPTIONS": logs["OPTIONS"] | {"location": tmp_path / "logs"}},
        "artifacts": artifacts | {"OPTIONS": artifacts["OPTIONS"] | {"location": tmp_path / "artifacts"}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def person(db):
    """Make a person by name."""
    return lambda name, **fields: get_user_model().objects.create_user(name, password="open sesame", **fields)


@pytest.fixture
def workspace(db):
    return Workspace.objects.create(name="team")


@pytest.fixture
def join(person, workspace):
    """Make a member of the workspace."""

    def join(name, role):
        user = person(name)
        Membership.objects.create(workspace=workspace, user=user, role=role)
        return user

    return join


@pytest.fixture
def owner(join):
    return join("olga", Role.OWNER)


@pytest.fixture
def editor(join):
    return join("edgar", Role.EDITOR)


@pytest.fixture
def viewer(join):
    return join("vera", Role.VIEWER)


@pytest.fixture
def stranger(person):
    """Signs in, and is a member of another workspace alone."""
    user = person("stefan")
    elsewhere = Workspace.objects.create(name="elsewhere")
    Membership.objects.create(workspace=elsewhere, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def curator(person):
    """Looks after curated environments, and is in no workspace."""
    user = person("carla")
    PortalRole.objects.create(user=user, kind=PortalRole.Kind.CURATOR)
    return user


@pytest.fixture
def auditor(person):
    """Sees everything, changes nothing, and is in no workspace."""
    user = person("aude")
    PortalRole.objects.create(user=user, kind=PortalRole.Kind.AUDITOR)
    return user


@pytest.fixture
def administrator(person):
    return person("root", is_superuser=True, is_staff=True)


@pytest.fixture
def environment(workspace, editor):
    return workspace.add_environment("science", editor, "For the paper")


@pytest.fixture
def curate(db, wanted):
    """Make a curated environment that asks for these pip lines, or register its next version. Return the version."""

    def curate(name, *pip, stage="current", **fields):
        shelf, portal = Workspace.objects.shelf(), portal_person()
        environment = shelf.environments.filter(name=name).first() or shelf.add_environment(name, portal)
        curation = environment.begin_life()
        curation.change(stage=stage, **fields)
        return environment.register(wanted(*pip), portal)[0]

    return curate


@pytest.fixture
def curated(curate):
    """The first version of a curated environment."""
    return curate("AzureML-Minimal", "idna==3.10")


@pytest.fixture
def copy(curated, workspace, editor, wanted):
    """An environment of the team that was made from it, with a package more. Its version."""
    environment = workspace.add_environment("mine", editor)
    return environment.register(wanted("idna==3.10", "rich==13.0"), editor, origin=curated)[0]


@pytest.fixture
def wanted():
    """Read a definition that asks for these pip lines."""

    def wanted(*pip, conda=(), python="3.11", channels=("conda-forge",), **base):
        return definition.read(definition.compose(python, list(channels), list(conda), list(pip), base))

    return wanted


@pytest.fixture
def version(environment, editor, wanted):
    return environment.register(wanted("idna==3.10"), editor, "First")[0]


@pytest.fixture
def build(version, editor):
    return version.builds.request(version, editor)


@pytest.fixture
def api(client):
    """Call the API as a person, with a token: api(user).get(path)."""

    def as_person(user):
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.issue(user)}"
        return client

    return as_person


@pytest.fixture
def upload():
    """Receive these bytes as a file of this name, as the upload handler does."""
    received = []

    def upload(data, filename="demo_pkg-1.0-py3-none-any.whl"):
        received.append(Upload(filename))
        received[-1].receive(data)
        received[-1].seek(0)
        return received[-1]

    yield upload
    for each in received:
        each.close()


@pytest.fixture
def secret(workspace, owner):
    return workspace.set_secret("TOKEN", "hunter22", ["index.example.org"], owner)[0]


@pytest.fixture
def invitation(workspace, owner):
    """(an invitation as viewer, the secret of its link)"""
    return Invitation.make(workspace, Role.VIEWER, owner)


@pytest.fixture
def advisories(db, tmp_path):
    """Import the example files, in the form of an export."""
    from builds import advisory_import
    from builds.tests.advisory_cast import export

    return advisory_import.run(export(tmp_path / "all.zip"))


@pytest.fixture
def wheel(workspace, editor, upload):
    return workspace.add_wheel(upload(make_wheel()), editor)[0]
