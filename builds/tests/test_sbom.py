"""The bill of materials against CycloneDX's own library: its strict validator, its purls, its list of licences."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.licenses._spdx import LICENSES

from builds import sbom
from builds.lock import Package
from builds.lock_files import Locked

CHANNEL = "http://t:secret@conda.example.org/t/token-1/team"
NUMPY = Package(
    "conda",
    "numpy",
    "1.26.4",
    f"{CHANNEL}/linux-64/numpy-1.26.4-py311_0.conda",
    "a" * 64,
    7_000_000,
    True,
    build="py311_0",
    channel=CHANNEL,
    subdir="linux-64",
    licence="BSD-3-Clause",
    requested_by=("pandas",),
)
PANDAS = Package(
    "pip",
    "pandas",
    "2.2.3+local.1",
    "https://files.example.org/pandas-2.2.3-cp311.whl",
    "b" * 64,
    12_000_000,
    True,
    licence="BSD 3-Clause License",
)
SIX = Package("pip", "six", "1.17.0", "https://files.example.org/six.whl", "c" * 64, 11_000, False, licence="MIT")
SIX = replace(SIX, requested_by=("pandas",))
ID = UUID("6dd0ff21-6a4b-4a54-9e4f-3ac5b7a30d52")


def bill(*packages, python="3.11.7"):
    moment = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    locked = Locked("science", python, "linux-64", packages)
    return sbom.render(sbom.Subject("science", 3, "azureml/azureml_00", ID, moment, locked))


@pytest.fixture
def valid():
    """Return what a bill says, once the strict validator has nothing to say."""

    def valid(text):
        fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
        assert fault is None, fault
        return json.loads(text)

    return valid


def test_a_bill_is_valid_and_says_what_is_in_the_environment(valid):
    said = valid(bill(NUMPY, PANDAS, SIX))
    assert said["metadata"]["component"]["name"] == "science"
    assert said["metadata"]["component"]["version"] == "3"
    assert said["metadata"]["timestamp"] == "2026-11-24T09:00:00Z"
    assert said["serialNumber"] == f"urn:uuid:{ID}"
    python, numpy, pandas, _ = said["components"]
    assert (python["name"], python["version"]) == ("python", "3.11.7")
    assert numpy["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert (numpy["licenses"], pandas["licenses"]) == (
        [{"license": {"id": "BSD-3-Clause"}}],
        [{"license": {"name": "BSD 3-Clause License"}}],
    )


def test_a_bill_of_nothing_is_valid_too(valid):
    assert valid(bill(python=""))["components"] == []


def test_who_needs_what_crosses_from_pip_to_conda(valid):
    graph = {each["ref"]: each["dependsOn"] for each in valid(bill(NUMPY, PANDAS, SIX))["dependencies"]}
    numpy, pandas, six = map(sbom.purl, (NUMPY, PANDAS, SIX))
    assert graph == {
        "environment": sorted(["python-interpreter", numpy, pandas]),
        "python-interpreter": [],
        numpy: [],
        pandas: sorted([numpy, six]),
        six: [],
    }


def test_packages_that_need_each_other_make_no_package_need_itself(valid):
    one = replace(SIX, name="one", requested_by=("two", "one"))
    two = replace(SIX, name="two", requested_by=("one",))
    graph = {each["ref"]: each["dependsOn"] for each in valid(bill(one, two))["dependencies"]}
    assert graph[sbom.purl(one)] == [sbom.purl(two)]


def test_a_purl_is_what_other_tools_write():
    conda = PackageURL.from_string(sbom.purl(NUMPY))
    assert conda.to_string() == sbom.purl(NUMPY)
    assert (conda.type, conda.name, conda.version) == ("conda", "numpy", "1.26.4")
    assert conda.qualifiers == {"build": "py311_0", "channel": "team", "subdir": "linux-64", "type": "conda"}
    pip = PackageURL.from_string(sbom.purl(replace(PANDAS, name="Pandas_Plus")))
    assert pip.to_string() == sbom.purl(replace(PANDAS, name="Pandas_Plus"))
    assert (pip.type, pip.name, pip.version, pip.qualifiers) == ("pypi", "pandas-plus", "2.2.3+local.1", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mit", [{"license": {"id": "MIT"}}]),
        ("MIT AND (Apache-2.0 OR BSD-2-Clause)", [{"expression": "MIT AND (Apache-2.0 OR BSD-2-Clause)"}]),
        ("GPL-2.0-only WITH Classpath-exception-2.0", [{"expression": "GPL-2.0-only WITH Classpath-exception-2.0"}]),
        ("LicenseRef-Proprietary", [{"expression": "LicenseRef-Proprietary"}]),
        ("Dual, see LICENSE", [{"license": {"name": "Dual, see LICENSE"}}]),
        (" ", []),
    ],
)
def test_a_licence_is_an_id_an_expression_or_words(valid, text, said):
    assert sbom.licences_of(text) == said
    valid(bill(replace(SIX, licence=text)))


def test_every_licence_id_that_we_know_is_one_of_the_schema():
    ids = {each["id"] for each in LICENSES.values()}
    schema = files("cyclonedx.schema") / "_res" / "spdx.SNAPSHOT.schema.json"
    assert len(ids) > 500
    assert ids <= set(json.loads(schema.read_text())["enum"])
