import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from environments import definition
from environments.models import Environment

BASE = "/api/v1/workspaces/team/environments/"
IDNA = {"python": {"condaDependencies": {"dependencies": ["python=3.11", "pip=24.0", {"pip": ["idna==3.10"]}]}}}
CONDA = """\
dependencies:
  - python=3.11  # as the cluster has it
  - pip=24.0
  - pip:
      - idna==3.10
"""


@pytest.fixture
def caller(api, editor):
    return api(editor)


def post(caller, url, data):
    return caller.post(url, data, content_type="application/json")


def test_workspaces_say_what_you_are_there(caller, workspace):
    (row,) = caller.get("/api/v1/workspaces/").json()["results"]
    assert (row["name"], row["role"]) == ("team", "editor")


def test_an_environment_is_made_and_listed(caller):
    answer = post(caller, BASE, {"name": "science", "description": "For the paper"})
    assert answer.status_code == 201
    made = answer.json()
    assert {**made, "created": None} == {
        "name": "science",
        "workspace": "team",
        "description": "For the paper",
        "latest_version": None,
        "created": None,
        "created_by": "edgar",
        "curated": False,
        "lifecycle": None,
    }
    assert caller.get(BASE).json() == {"results": [made], "next": None}
    assert caller.get(f"{BASE}science/").json() == made


def test_a_version_is_registered_once(caller, environment):
    url = f"{BASE}science/versions/"
    answer = post(caller, url, {"definition": IDNA, "message": "First"})
    assert answer.status_code == 201
    version = answer.json()
    assert {**version, "created": None} == {
        "number": 1,
        "definition": IDNA,
        "conda": CONDA.replace("  # as the cluster has it", ""),
        "image_key": environment.latest.image_key,
        "author": "edgar",
        "created": None,
        "message": "First",
        "origin": None,
        "findings": [],
    }
    again = post(caller, url, {"definition": IDNA, "message": "Second"})
    assert (again.status_code, again.json()) == (200, version)
    assert caller.get(url).json() == {"results": [version], "next": None}
    assert caller.get(f"{url}1/").json() == version
    assert caller.get(f"{url}2/").status_code == 404


def test_findings_come_with_the_version(caller, environment):
    unpinned = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna"]}]}}}
    findings = post(caller, f"{BASE}science/versions/", {"definition": unpinned}).json()["findings"]
    assert [(finding["code"], finding["severity"]) for finding in findings] == [
        ("pip-not-listed", "hint"),
        ("unpinned", "warning"),
    ]
    assert findings[0]["fix"] == {
        "title": "Add pip",
        "verb": "insert",
        "where": "python.condaDependencies.dependencies[1]",
        "path": ["python", "condaDependencies", "dependencies", 1],
        "value": "pip",
    }


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "name", "required"),
        ({"name": "two words"}, "name", "Not allowed: a space"),
        ({"name": "Microsoft-x"}, "name", "reserved"),
        ({"name": "science"}, "name", "already has"),
        ({"name": ["x"]}, "name", "Not a valid string"),
        ({"name": "x\0"}, "name", "Null characters"),
        ({"name": "ok", "description": "x" * 10_001}, "description", "no more than"),
    ],
)
def test_a_bad_environment_is_refused_by_field(caller, environment, body, field, says):
    answer = post(caller, BASE, body)
    assert answer.status_code == 400
    assert says in answer.json()[field][0]
    assert Environment.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "definition", "required, or conda"),
        ({"conda": "dependencies: [numpy=>1]"}, "conda", "Line 1: “numpy=>1” cannot be read"),
        ({"conda": "a: 1\n  b: 2"}, "conda", "Line 2: This is no YAML"),
        ({"conda": "dependencies: [zlib]", "definition": []}, "definition", "python or a docker section"),
        ({"definition": None}, "definition", "may not be null"),
        ({"definition": {}}, "definition", "python: The python section is missing."),
        ({"definition": IDNA, "message": 3 * ["x"]}, "message", "Not a valid string"),
        ({"definition": IDNA, "message": "x" * 1001}, "message", "no more than"),
        (
            {"definition": {"python": {"condaDependencies": {"dependencies": [{"pip": ["-r x"]}]}}}},
            "definition",
            "python.condaDependencies.dependencies[0].pip[0]: -r x names another file",
        ),
    ],
)
def test_a_bad_definition_is_refused_by_field(caller, environment, body, field, says):
    answer = post(caller, f"{BASE}science/versions/", body)
    assert answer.status_code == 400
    assert says in answer.json()[field][0]


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "1", "[" * 50_000, '{"definition": NaN}'])
def test_a_body_that_is_no_object_is_a_fault_of_the_caller(caller, environment, body):
    assert post(caller, f"{BASE}science/versions/", body).status_code == 400


def test_lists_are_paged(caller, workspace, editor):
    for n in range(5):
        workspace.add_environment(f"e{n}", editor)
    first = caller.get(BASE, {"limit": 3}).json()
    second = caller.get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == ["e0", "e1", "e2", "e3", "e4"]
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["x", "cD1hYmM=", "cD0=", "cD0xLjU=", "cD0lMDA=", "cD0yMDI0LTEzLTQ1"])
def test_a_cursor_that_was_made_up_is_no_page(caller, environment, version, cursor):
    for path in (f"{BASE}science/versions/", f"{BASE}science/versions/1/builds/", BASE):
        assert caller.get(path, {"cursor": cursor}).status_code in (200, 404)


def test_environments_are_found_by_words(caller, environment, workspace, editor):
    workspace.add_environment("other", editor)
    found = lambda q: [row["name"] for row in caller.get(BASE, {"q": q}).json()["results"]]  # noqa: E731
    assert (found("paper"), found("nothing"), found("\0")) == (["science"], [], ["other", "science"])


def test_a_body_that_is_too_large_is_said_in_json(caller, environment, settings):
    body = {"definition": IDNA, "message": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    answer = post(caller, f"{BASE}science/versions/", body)
    assert (answer.status_code, list(answer.json())) in ((413, ["detail"]), (400, ["message"]))


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing/", "/api/v1/builds/xyz/", f"{BASE}science", f"{BASE}science/versions/0/"]
)
def test_an_address_that_does_not_exist_is_answered_in_json(caller, path):
    assert post(caller, path, {}).status_code == 404
    assert "has no address" in caller.get(path).json()["detail"]


def test_the_schema_names_every_operation(client, db):
    paths = client.get(reverse("api-schema")).json()["paths"]
    assert "/api/v1/builds/{id}/cancel/" in paths
    assert all(path.startswith("/api/") for path in paths)


def test_the_pages_of_the_api_load_nothing_from_elsewhere(client, db):
    page = client.get(reverse("api-docs")).content.decode()
    assert "<style" not in page
    assert "://" not in page


def test_a_conda_file_is_registered_with_its_comments(caller, environment):
    url = f"{BASE}science/versions/"
    body = {"conda": CONDA, "definition": {"environmentVariables": {"A": "1"}}}
    version = post(caller, url, body).json()
    assert (version["conda"], version["definition"]) == (CONDA, IDNA | {"environmentVariables": {"A": "1"}})
    assert caller.get(f"{url}1/files/environment.yml/").content.decode() == CONDA
    again = post(caller, url, {"definition": version["definition"]})
    assert (again.status_code, again.json()["number"]) == (200, 1)
    other = post(caller, url, body | {"conda": CONDA.replace("as the cluster has it", "why not")})
    assert (other.status_code, other.json()["image_key"]) == (201, version["image_key"])


def test_an_import_reads_a_text_and_registers_nothing(caller):
    answer = post(caller, "/api/v1/import/", {"file": "environment.yml", "text": CONDA})
    assert answer.json() == {
        "file": "environment.yml",
        "format": "conda",
        "definition": IDNA,
        "image_key": definition.read(IDNA).image_key,
        "findings": [],
    }
    refused = post(caller, "/api/v1/import/", {"text": "idna\n-e .\n"}).json()
    assert (refused["definition"], refused["image_key"], refused["format"]) == (None, None, "requirements")
    assert refused["findings"][0]["line"] == 2
    assert not Environment.objects.exists()


def test_an_import_takes_uploads_and_folders(caller):
    one = SimpleUploadedFile("environment.yml", CONDA.encode("utf-16"))
    assert caller.post("/api/v1/import/", {"file": one}).json()["definition"] == IDNA
    folder = [
        SimpleUploadedFile("azureml_environment.json", b'{"environmentVariables": {"A": "1"}}'),
        SimpleUploadedFile("conda_dependencies.yml", CONDA.encode()),
    ]
    answer = caller.post("/api/v1/import/", {"file": folder}).json()
    assert (answer["format"], answer["definition"]["environmentVariables"]) == ("azure-folder", {"A": "1"})


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 1, "file": []}, {"text": "a\0b"}])
def test_an_import_of_nothing_says_so(caller, body):
    answer = post(caller, "/api/v1/import/", body)
    assert answer.status_code == 400 or answer.json()["definition"] is None


@pytest.mark.parametrize(
    ("file", "status"), [("requirements.txt", 200), ("azureml.zip", 200), ("explicit.txt", 409), ("passwd", 404)]
)
def test_a_version_is_fetched_in_the_forms_of_other_tools(caller, environment, file, status):
    post(caller, f"{BASE}science/versions/", {"definition": IDNA})
    assert caller.get(f"{BASE}science/versions/1/files/{file}/").status_code == status


def test_a_conda_file_has_the_line_ends_and_the_limits_that_it_has_in_the_browser(caller, environment):
    path = f"{BASE}science/versions/"
    assert post(caller, path, {"conda": "\ufeff# a\r\ndependencies: [idna]\r\n"}).status_code == 201
    assert environment.latest.conda == "# a\ndependencies: [idna]\n"
    answer = post(caller, path, {"conda": "dependencies: [idna]\n" + "#\n" * 20_001})
    assert answer.json() == {"conda": ["Line 20001: The text has 20,002 lines; 20,000 are read."]}


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_address_that_is_none_is_said_to_be_none_whatever_is_asked_of_it(method):
    answer = getattr(Client(enforce_csrf_checks=True), method)("/api/v1/nonsense/")
    assert (answer.status_code, answer.json().keys()) == (404, {"detail"})
