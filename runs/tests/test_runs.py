"""Recording a run, and that what it ran in never changes."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.db.models import ProtectedError
from django.urls import reverse
from django.utils import timezone

from builds.models import Build
from builds.tests.test_models import succeed
from runs.models import Run

STARTED = "2026-01-02T03:04:05Z"
SHA = "sha256:" + "0" * 64


@pytest.fixture
def post(api, editor, workspace):
    """Record a run as the editor."""

    def post(expected=201, **body):
        caller, url = api(editor), reverse("api-runs", args=[workspace.name])
        answer = caller.post(url, {"started": STARTED} | body, content_type="application/json")
        assert answer.status_code == expected, answer.content
        return answer.json()

    return post


def test_a_run_of_a_version_has_the_lock_that_the_version_had(post, build):
    succeed(build)
    run = post(environment="science", version=1, script="train.py", code_revision="abc", image_digest=SHA.upper())
    assert run["lock"] == build.lock.digest
    assert run["evidence"] == "locked"
    assert run["image_key"] == build.image_key
    assert (run["environment"], run["version"], run["person"], run["status"]) == ("science", 1, "edgar", "completed")


def test_a_version_that_was_never_built_leaves_the_packages_unknown(post, version):
    run = post(environment="science")
    assert (run["version"], run["lock"], run["evidence"]) == (1, None, "none")


def test_latest_is_recorded_as_the_number_that_it_had(post, environment, version, editor, wanted):
    assert post(environment="science", version="latest")["version"] == 1
    environment.register(wanted("idna==3.9"), editor)
    assert post(environment="science", version="latest")["version"] == 2
    assert sorted(Run.objects.values_list("version__number", flat=True)) == [1, 2]


def test_a_run_of_a_build_has_its_version_and_lock(post, build):
    succeed(build)
    run = post(build=str(build.pk))
    assert (run["environment"], run["version"], run["lock"]) == ("science", 1, build.lock.digest)


def test_nothing_ran_in_a_build_that_did_not_succeed(post, build):
    assert "did not succeed" in post(400, build=str(build.pk))["build"][0]


def test_a_definition_needs_no_registered_version(post):
    run = post(definition={"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna"]}]}}})
    assert run["environment"] is None
    assert run["definition"]["python"]["condaDependencies"]["dependencies"] == ["python=3.11", {"pip": ["idna"]}]
    assert run["image_key"].startswith("azureml/azureml_")


def test_what_the_run_reports_counts_more_than_the_lock(post, build):
    succeed(build)
    run = post(environment="science", packages="idna==3.9\nrich==13.0\n")
    assert run["evidence"] == "reported"
    assert run["lock"] != build.lock.digest
    there = Run.objects.get(pk=run["id"]).lock
    assert there.is_reported
    assert [(p.name, p.version) for p in there.values()] == [("idna", "3.9"), ("rich", "13.0")]


def test_the_same_report_is_stored_once(post):
    runs = [post(packages="idna==3.9\n") for _ in range(2)]
    assert runs[0]["id"] != runs[1]["id"]
    assert runs[0]["lock"] == runs[1]["lock"]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "environment", "Say what the run ran in"),
        ({"environment": "science", "definition": {}}, "definition", "not both"),
        ({"version": 1, "packages": "idna==3"}, "version", "not named"),
        ({"environment": "science", "version": "newest"}, "version", "no version newest"),
        ({"environment": "science", "version": True}, "version", "a number, or a label such as latest"),
        ({"packages": "what?"}, "packages", "Line 1"),
        ({"environment": "science", "started": "2126-01-01T00:00:00Z"}, "started", "has not begun"),
        ({"environment": "science", "ended": "2020-01-01T00:00:00Z"}, "ended", "before it starts"),
        ({"environment": "science", "ended": STARTED, "status": "running"}, "status", "has ended"),
        ({"environment": "science", "image_digest": "latest"}, "image_digest", "sha256:"),
        ({"environment": "science", "image_digest": "sha256:" + "x" * 64}, "image_digest", "sha256:"),
        ({"definition": {"python": []}}, "definition", ""),
        ({"environment": "science", "name": "x" * 201}, "name", "200"),
    ],
)
def test_what_cannot_be_is_refused_by_field(post, version, body, field, said):
    assert said in str(post(400, **body)[field])
    assert not Run.objects.exists()


def test_an_environment_of_elsewhere_is_not_there(post):
    post(404, environment="nowhere")


def test_a_name_of_its_own_is_recorded_once(post, version):
    first = post(environment="science", external_id="job-7", script="a.py")
    assert post(200, environment="science", external_id="job-7", script="a.py")["id"] == first["id"]
    told = post(400, packages="idna==1", external_id="job-7")
    assert "recorded already" in told["external_id"][0]


def test_a_run_that_is_recorded_while_it_runs_ends_once(post, api, editor, version):
    run = post(environment="science", status="running")
    caller, url = api(editor), reverse("api-run", args=[run["id"]])
    early = caller.patch(url, {"status": "failed", "ended": "2020-01-01T00:00:00Z"}, content_type="application/json")
    assert early.status_code == 400
    answer = caller.patch(url, {"status": "failed"}, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    again = caller.patch(url, {"status": "completed"}, content_type="application/json")
    assert (again.status_code, Run.objects.get().status) == (409, "failed")


@pytest.mark.parametrize("field", ["version", "lock", "document", "image_key", "evidence", "person"])
def test_the_database_refuses_to_change_what_a_run_ran_in(post, build, field):
    succeed(build)
    post(environment="science")
    values = {
        "version": None,
        "lock": None,
        "document": {"a": 1},
        "image_key": "x",
        "evidence": "none",
        "person": "eve",
    }
    with pytest.raises(DatabaseError), transaction.atomic():
        Run.objects.update(**{field: values[field]})


def test_what_a_run_used_cannot_be_deleted(post, build):
    succeed(build)
    post(environment="science")
    for thing in (build.version, build.version.environment, build.lock, build.workspace):
        with pytest.raises(ProtectedError):
            thing.delete()


def test_the_list_is_filtered_and_a_wrong_filter_is_named(post, api, editor, environment, version, workspace):
    old = timezone.now() - timedelta(days=400)
    post(environment="science", person="ann")
    post(packages="idna==1", person="bob", started=old.isoformat())
    caller, url = api(editor), reverse("api-runs", args=[workspace.name])
    people = lambda **asked: [run["person"] for run in caller.get(url, asked).json()["results"]]  # noqa: E731
    assert people() == ["ann", "bob"]
    assert people(environment="science") == ["ann"]
    assert people(person="bob") == ["bob"]
    assert people(since="2026-01-01") == ["ann"]
    assert people(until=old.date().isoformat()) == ["bob"]
    assert people(status="failed") == []
    assert caller.get(url, {"since": "yesterday"}).json() == {"since": ["Enter a valid date."]}
    assert caller.get(url, {"person": "a\0"}).status_code == 400


def test_the_page_of_a_run_shows_how_its_packages_differ_from_the_lock(client, post, build, viewer):
    succeed(build)
    run = post(environment="science", packages="idna==3.9\nrich==13.0\n", script="<b>train</b>.py")
    client.force_login(viewer)
    page = client.get(reverse("run", args=[run["id"]])).content.decode()
    assert "Not what version 1 locks" in page
    assert "<del>3.10</del>" in page
    assert "&lt;b&gt;train" in page
    same = post(environment="science", packages="idna==3.10\n")
    assert "Not what version 1 locks" not in client.get(reverse("run", args=[same["id"]])).content.decode()


def test_the_list_turns_its_pages_without_counting(client, post, version, viewer, workspace, editor):
    started = timezone.now()
    for n in range(60):
        facts = {"person": "p", "name": f"run-{n}", "started": started - timedelta(minutes=n)}
        Run.objects.record(workspace, editor, version=version, **facts)
    client.force_login(viewer)
    first = client.get(reverse("runs", args=["team"]))
    assert ">run-49</a>" in first.content.decode()
    assert ">run-50</a>" not in first.content.decode()
    second = client.get(first.context["older"]).content.decode()
    assert ">run-59</a>" in second
    assert Build.objects.count() == 0


def test_a_run_is_compared_with_its_version(post, client, viewer, stranger, build):
    succeed(build)
    run = post(environment="science", version=1, packages="idna==3.11\n")
    client.force_login(viewer)
    asked = {"from": "1", "to": f"run:{run['id']}"}
    url = reverse("api-environment-diff", args=["team", "science"])
    data = client.get(url, asked).json()
    assert [(each["kind"], each["name"], each["after"]["direct"]) for each in data["packages"]] == [
        ("up", "idna", None)
    ]
    page = client.get(reverse("environment-diff", args=["team", "science"]), asked)
    assert page.status_code == 200
    assert f"to=run:{run['id']}" in client.get(reverse("run", args=[run["id"]])).content.decode()
    assert client.get(url, {"from": "1", "to": "run:7"}).status_code == 400
    client.force_login(stranger)
    both = {"from": f"run:{run['id']}", "to": f"run:{run['id']}"}
    assert client.get(reverse("diff"), both).status_code == 404
    del client.defaults["HTTP_AUTHORIZATION"]
    assert client.get(reverse("api-diff"), both).status_code == 404
