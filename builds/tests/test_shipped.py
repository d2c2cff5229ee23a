"""The curated environments that are shipped, with the real index: all resolve today, those of moderate size are built."""

import pytest

from builds import preview
from builds.tests.in_process import run
from environments import shelf_files
from environments.models import Workspace
from environments.shelf_loader import load

SHIPPED = shelf_files.read(shelf_files.SHIPPED)[0]
MODERATE = ["AzureML-Minimal", "AzureML-inference", "AzureML-sklearn-1.9"]


@pytest.mark.parametrize("name", SHIPPED)
def test_it_resolves_today(pythons, settings, name):
    settings.PREVIEW_SECONDS = 100  # a busy machine; the memory limit stays
    answer = preview.resolve(SHIPPED[name].definition, "test", platform="linux-64", anew=True)
    assert answer.failure is None
    asked = {line.name for line in SHIPPED[name].definition.pip}
    assert asked <= {package.name for package in answer.packages if package.direct}
    assert {package.url.rpartition(".")[2] for package in answer.packages} == {"whl"}


@pytest.mark.portal
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MODERATE)
def test_it_is_built_and_another_workspace_has_it_at_once(pythons, settings, workspace, editor, name):
    settings.BUILD_MEMORY = 3000
    list(load())
    version = Workspace.objects.shelf().environments.get(name=name).latest
    built = run(version.builds.request(version, version.author))
    assert (built.status, built.reason) == ("succeeded", "")
    mine = workspace.add_environment("mine", editor).register(version.definition, editor, origin=version)[0]
    answer = mine.builds.request(mine, editor)
    assert (answer.status, answer.reused_from, answer.lock) == ("succeeded", built, built.lock)
