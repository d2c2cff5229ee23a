import pytest
from django.conf import settings as django_settings

from builds.tests import conda_channel, loopback


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
def index(settings):
    """A package index on loopback that has what a test puts there, and nothing else."""
    with loopback.serve() as registry:
        settings.INDEX_URL = f"{registry.url}simple/"
        yield registry
