"""Real files of other projects, where they lie beside this one."""

from pathlib import Path

import pytest

from environments.findings import ERROR
from environments.formats import azure, conda_file, explicit, reading, requirements

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
pytestmark = pytest.mark.skipif(not FILES, reason="there is no corpus of real files beside the project")


@pytest.fixture(params=FILES or [None], ids=[path.name for path in FILES] or ["none"])
def found(request):
    return reading.read(request.param.name, request.param.read_bytes())


def test_a_real_file_gives_a_definition_or_is_refused_with_a_line(found):
    errors = [each for each in found.findings if each.severity == ERROR]
    assert (found.definition is None) == bool(errors)
    assert all(each.line for each in errors)


def test_a_real_file_comes_out_of_every_format_as_it_went_in(found):
    if not found.definition:
        return
    first = found.definition
    again = [reading.read("environment.yml", conda_file.write(first.conda_section))]
    again.append(reading.read_folder({name: text.encode() for name, text in azure.write_folder(first).items()}))
    if found.format == "requirements":
        again.append(reading.read("requirements.txt", requirements.write(first)))
    if found.format == "explicit":
        again.append(reading.read("explicit.txt", explicit.write(first)))
    for each in again:
        assert (each.definition.identity, each.definition.image_key) == (first.identity, first.image_key)


def test_the_conda_file_that_an_editor_opens_says_the_same(found):
    if found.conda and found.document:
        assert conda_file.read(found.conda).section == found.document["python"]["condaDependencies"]


def test_what_is_broken_is_refused():
    broken = [path for path in FILES if path.parent.name == "broken"]
    assert broken
    assert all(reading.read(path.name, path.read_bytes()).definition is None for path in broken)


def test_most_real_files_are_accepted():
    accepted = [path for path in FILES if reading.read(path.name, path.read_bytes()).definition]
    assert len(accepted) > 0.8 * len(FILES)
