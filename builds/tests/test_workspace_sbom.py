"""The bill of a workspace, by CycloneDX's own strict validator."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from builds import workspace_sbom
from builds.tests.diff_cast import conda, pip
from builds.workspace_sbom import LockedVersion, Subject, reference

ID = UUID("6dd0ff21-6a4b-4a54-9e4f-3ac5b7a30d52")
IDNA, SIX, GDAL = pip("idna", "3.10", licence="BSD-3-Clause"), pip("six", "1.17", "b"), conda("gdal", "3.8", sha256="c")
OTHER_SIX = replace(SIX, sha256="d" * 64, url="https://files.example.org/six-1.17-cp312.whl")
ONE = LockedVersion("science", 3, "1" * 64, "linux-64", "3.11.7", "azureml/azureml_00")
TWO = LockedVersion("lab", 1, "2" * 64, "linux-64", "", "azureml/azureml_01")
THREE = LockedVersion("again", 1, "1" * 64, "linux-64", "3.11.7", "azureml/azureml_00")
LOCKS = {"1" * 64: [IDNA, SIX], "2" * 64: [IDNA, OTHER_SIX, GDAL]}


def bill(versions=(ONE, TWO, THREE), locks=LOCKS):
    """What the bill of these says, once the strict validator has nothing to say."""
    packages = sorted((each for found in locks.values() for each in found), key=lambda p: (p.manager, p.name, p.sha256))
    subject = Subject("team", ID, datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "every locked version", tuple(versions))
    text = "".join(workspace_sbom.pieces(subject, packages, locks.items()))
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert fault is None, fault
    return json.loads(text)


def test_each_file_is_one_component_however_many_versions_have_it():
    said = bill()["components"]
    files = [(each["name"], each["hashes"][0]["content"][0]) for each in said if each["type"] == "library"]
    assert files == [("gdal", "c"), ("idna", "a"), ("six", "b"), ("six", "d")]
    assert len({each["bom-ref"] for each in said}) == len(said)
    idna = next(each for each in said if each["name"] == "idna")
    assert (idna["purl"], idna["licenses"]) == ("pkg:pypi/idna@3.10", [{"license": {"id": "BSD-3-Clause"}}])


def test_the_graph_says_which_version_has_what_and_every_end_of_it_is_there():
    said = bill()
    graph = {each["ref"]: each["dependsOn"] for each in said["dependencies"]}
    assert graph == {
        "workspace": [ONE.reference, TWO.reference, THREE.reference],
        ONE.reference: ["python@3.11.7", *sorted(map(reference, [IDNA, SIX]))],
        THREE.reference: ["python@3.11.7", *sorted(map(reference, [IDNA, SIX]))],
        TWO.reference: sorted(map(reference, [IDNA, OTHER_SIX, GDAL])),
    }
    there = {each["bom-ref"] for each in [said["metadata"]["component"], *said["components"]]}
    assert {end for ref, ends in graph.items() for end in [ref, *ends]} == there


def test_the_same_file_from_two_mirrors_is_one():
    mirrored = replace(GDAL, channel="https://mirror.example.org/forge", url="https://mirror.example.org/x.conda")
    said = bill((ONE, TWO), {"1" * 64: [GDAL], "2" * 64: [mirrored]})
    assert sum(each["name"] == "gdal" for each in said["components"]) == 1


def test_a_workspace_that_has_nothing_locked_has_a_valid_bill_too():
    said = bill((), {})
    assert (said["components"], said["dependencies"]) == ([], [{"ref": "workspace", "dependsOn": []}])


def test_a_lock_of_nothing_but_python_is_in_it():
    assert bill((ONE,), {})["dependencies"][1] == {"ref": ONE.reference, "dependsOn": ["python@3.11.7"]}


def test_the_library_of_cyclonedx_reads_it_and_finds_what_depends_on_a_package():
    bom = Bom.from_json(bill())
    bom.validate()
    having = {
        each.ref.value for each in bom.dependencies if reference(GDAL) in {d.ref.value for d in each.dependencies}
    }
    assert having == {TWO.reference}


@pytest.mark.parametrize("sha256", ["", "e" * 64])
def test_a_package_whose_hash_nobody_knows_has_none(sha256):
    said = bill((TWO,), {"2" * 64: [replace(GDAL, sha256=sha256)]})
    assert ("hashes" in said["components"][-1]) == bool(sha256)
