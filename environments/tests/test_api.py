import pytest
from django.urls import reverse

from environments.models import Environment

BASE = "/api/v1/workspaces/team/environments/"
IDNA = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna==3.10"]}]}}}


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
        "image_key": environment.latest.image_key,
        "author": "edgar",
        "created": None,
        "message": "First",
        "findings": [],
    }
    again = post(caller, url, {"definition": IDNA, "message": "Second"})
    assert (again.status_code, again.json()) == (200, version)
    assert caller.get(url).json() == {"results": [version], "next": None}
    assert caller.get(f"{url}1/").json() == version
    assert caller.get(f"{url}2/").status_code == 404


def test_findings_come_with_the_version(caller, environment):
    unpinned = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna"]}]}}}
    (finding,) = post(caller, f"{BASE}science/versions/", {"definition": unpinned}).json()["findings"]
    assert (finding["code"], finding["severity"]) == ("unpinned", "warning")


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
        ({}, "definition", "required"),
        ({"definition": None}, "definition", "may not be null"),
        ({"definition": {}}, "definition", "python: The python section is missing."),
        ({"definition": IDNA, "message": 3 * ["x"]}, "message", "Not a valid string"),
        ({"definition": IDNA, "message": "x" * 1001}, "message", "no more than"),
        (
            {"definition": {"python": {"condaDependencies": {"dependencies": [{"pip": ["-r x"]}]}}}},
            "definition",
            "python.condaDependencies.dependencies[0].pip[0]: The option -r is not accepted",
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
