"""Curated environments as rows: who sees and changes them, their names, their life, who is told."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from builds.models import Build
from builds.tests.test_models import succeed
from environments import definition, lifecycle
from environments.faults import Refused, UserFault
from environments.models import Curation, Environment, Invitation, Notice, Role, Token, Version, Workspace
from environments.portal_roles import narrow
from environments.shelf_models import affected
from events.models import Event, Verb
from runs.models import Run

ENDS = {"stage": "deprecated", "ends": date(2999, 1, 31), "reason": "Old."}


@pytest.fixture
def shelf(db):
    return Workspace.objects.shelf()


@pytest.mark.parametrize("who", ["stranger", "viewer", "editor", "owner", "curator", "auditor", "administrator"])
def test_everybody_sees_the_shelf_and_curators_change_it(request, curated, who):
    person = request.getfixturevalue(who)
    shelf = Workspace.objects.get(is_shelf=True)
    assert curated in Version.objects.visible_to(person)
    assert shelf not in Workspace.objects.worked_in_by(person)
    assert person.has_perm("environments.view_environment", curated)
    may = who in ("curator", "administrator")
    assert person.has_perm("environments.change_environment", curated) is may
    assert person.has_perm("environments.add_environment", shelf) is may
    assert person.has_perm("environments.curate") is may


def test_a_token_of_one_workspace_sees_the_shelf_and_changes_it_for_nobody(curated, workspace, administrator, curator):
    for person in (administrator, curator):
        narrow(person, workspace.pk)
        assert curated in Version.objects.visible_to(person)
        assert not person.has_perm("environments.change_environment", curated)
    assert list(Workspace.objects.audited_by(administrator)) == [workspace]


def test_nobody_is_a_member_of_the_shelf(shelf, editor, administrator):
    with pytest.raises(UserFault, match="Nobody is a member here"):
        shelf.set_member(editor, Role.OWNER)
    with pytest.raises(UserFault, match="Nobody is a member here"):
        Invitation.make(shelf, Role.OWNER, administrator)
    shelf.memberships.create(user=editor, role=Role.OWNER)  # as an administration might
    assert not editor.has_perm("environments.change_environment", shelf)


def test_there_is_one_shelf(shelf):
    assert Workspace.objects.shelf() == shelf
    with pytest.raises(IntegrityError), transaction.atomic():
        Workspace.objects.create(name="another", is_shelf=True)


@pytest.mark.parametrize("name", ["AzureML-x", "azureml-x", "AZUREML", "microsoft.thing", "MicroSoft_x"])
def test_reserved_names_are_for_the_shelf_whatever_their_case(shelf, workspace, editor, curator, name):
    with pytest.raises(UserFault, match="are reserved for curated environments"):
        workspace.add_environment(name, editor)
    assert shelf.add_environment(name, curator).curation.stage == "preview"


def test_the_shelf_has_no_other_names(shelf, curator, settings):
    with pytest.raises(UserFault, match="begins with AzureML or Microsoft"):
        shelf.add_environment("science", curator)
    settings.RESERVED_PREFIXES = []
    shelf.add_environment("science", curator)


def test_the_name_of_a_curated_one_is_nobody_elses_though_its_prefix_is_no_longer_reserved(
    curated, workspace, editor, settings
):
    settings.RESERVED_PREFIXES = ["Acme"]
    with pytest.raises(UserFault, match="azureml-minimal is the name of a curated environment"):
        workspace.add_environment("azureml-minimal", editor)


def test_what_only_one_workspace_has_is_not_curated(curated):
    document = definition.compose(
        "3.11", [], [], ["--extra-index-url https://__token__:${TOKEN}@index.example.org/simple", "idna"]
    )
    with pytest.raises(UserFault, match="no secrets and no private wheels"):
        curated.environment.register(definition.read(document), curated.author)


# In the workspaces


def test_a_workspace_finds_the_shelf_behind_its_own(curated, workspace, editor, environment):
    assert workspace.find_environment("AzureML-Minimal") == curated.environment
    assert workspace.find_environment("science") == environment
    assert workspace.find_environment("nothing") is None
    own = Environment.objects.create(workspace=workspace, name="AzureML-Minimal", created_by=editor)  # from before
    assert workspace.find_environment("AzureML-Minimal") == own
    assert list(Environment.objects.seen_in(workspace).order_by("name")) == [own, environment]


def test_what_is_archived_is_on_no_list_until_it_is_asked_for(api, editor, curated, workspace):
    def listed(which):
        answer = api(editor).get("/api/v1/workspaces/team/environments/", {"archived": which} if which else {})
        return [each["name"] for each in answer.json()["results"]]

    assert [listed(which) for which in ("", "only", "all")] == [["AzureML-Minimal"], [], ["AzureML-Minimal"]]
    curated.environment.curation.change(stage="archived")
    assert [listed(which) for which in ("", "only", "all")] == [[], ["AzureML-Minimal"], ["AzureML-Minimal"]]
    assert workspace.find_environment("AzureML-Minimal") == curated.environment


# Its life


def test_a_change_is_told_and_dated(curated, curator):
    curation = curated.environment.curation
    curation.edit(curator, stage="preview", tags={"a": "b"})
    assert curation.since["preview"] == timezone.localdate().isoformat()
    event = Event.objects.filter(verb=Verb.CHANGED, object="AzureML-Minimal").latest("pk")
    assert (event.person, event.before, event.after) == (
        "carla",
        {"stage": "current", "tags": {}},
        {"stage": "preview", "tags": {"a": "b"}},
    )


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (ENDS | {"ends": None}, "ends"),
        (ENDS | {"reason": " "}, "reason"),
    ],
)
def test_a_deprecated_one_says_when_and_why(curated, asked, field):
    with pytest.raises(UserFault) as raised:
        curated.environment.curation.change(**asked)
    assert raised.value.field == field
    with pytest.raises(IntegrityError), transaction.atomic():
        Curation.objects.update(stage="deprecated")


def test_a_successor_is_curated_and_leads_not_back(curated, curate, environment):
    other = curate("AzureML-Other", "idna").environment
    curation = curated.environment.curation
    curation.change(**ENDS, successor=other)
    for successor, words in ((environment, "is a curated environment"), (curated.environment, "leads back")):
        with pytest.raises(UserFault, match=words):
            other.curation.change(**ENDS, successor=successor)


def test_what_does_not_end_any_more_has_no_end(curated, curate):
    curation = curated.environment.curation
    curation.change(**ENDS, successor=curate("AzureML-Other", "idna").environment)
    curation.change(stage="current")
    assert (curation.ends, curation.reason, curation.successor) == (None, "", None)


def test_after_its_last_day_it_is_archived(curated):
    curation = curated.environment.curation
    curation.change(**ENDS | {"ends": timezone.localdate()})
    assert Curation.objects.archive_due() == []
    Curation.objects.update(ends=timezone.localdate() - timedelta(days=1))
    assert Curation.objects.archive_due() == [curation]
    assert Curation.objects.get().stage == "archived"
    assert Curation.objects.archive_due() == []


def test_owners_of_copies_are_told_when_the_end_is_announced_and_when_it_moves(
    curated, copy, curator, owner, workspace
):
    curation = Curation.objects.with_subject().get()
    announced = Event.objects.filter(verb=Verb.ANNOUNCED)
    curation.edit(curator, **ENDS)
    assert [
        (event.workspace, event.object, event.after["environment"], event.after["ends"]) for event in announced
    ] == [("team", "AzureML-Minimal", "mine", "2999-01-31")]
    curation.edit(curator, description="Other words")
    assert announced.all().count() == 1
    curation.edit(curator, ends=date(2999, 2, 1))
    assert announced.all().count() == 2
    notices = Notice.objects.filter(user=owner).order_by("pk")
    assert [(notice.kind, notice.link) for notice in notices] == [("curated", copy.environment.get_absolute_url())] * 2
    assert notices[0].subject.startswith("AzureML-Minimal, which mine was made from: ")
    assert notices[0].subject != notices[1].subject
    assert affected(curated.environment) == [(copy.environment, [owner])]


@pytest.fixture
def ran(curated, stranger):
    """A run of another team in the curated environment itself."""
    place = Workspace.objects.get(name="elsewhere")
    return Run.objects.record(place, stranger, version=curated, started=timezone.now(), person="stefan")[0]


def test_owners_of_who_runs_in_it_are_told_too(curated, ran, curator, stranger):
    Curation.objects.with_subject().get().edit(curator, **ENDS)
    (notice,) = Notice.objects.filter(user=stranger)
    assert notice.subject.startswith("AzureML-Minimal, which elsewhere runs in: It is archived after")
    assert notice.link == reverse("environment", args=["elsewhere", "AzureML-Minimal"])
    assert list(Event.objects.filter(verb=Verb.ANNOUNCED).values_list("workspace", flat=True)) == ["elsewhere"]


def test_who_ran_in_it_long_ago_is_not(curated, stranger, curator):
    place, long_ago = Workspace.objects.get(name="elsewhere"), timezone.now() - timedelta(days=366)
    Run.objects.record(place, stranger, version=curated, started=long_ago, person="stefan")
    Curation.objects.with_subject().get().edit(curator, **ENDS)
    assert not Notice.objects.filter(user=stranger).exists()


def test_who_runs_in_what_ends_stands_on_its_pages_and_in_the_api(client, api, curated, ran, curator, stranger, viewer):
    Curation.objects.with_subject().get().edit(curator, **ENDS)
    seen = {}
    for person in (curator, stranger, viewer):
        client.force_login(person)
        page = client.get(reverse("endings")).content.decode()
        there = reverse("environment", args=["elsewhere", "AzureML-Minimal"])
        seen[person.username] = ("AzureML-Minimal itself" in page, there in page)
    assert seen == {"carla": (True, False), "stefan": (True, True), "vera": (False, False)}
    client.force_login(curator)
    assert "ran in it, 1 run" in client.get(reverse("lifecycle", args=["AzureML-Minimal"])).content.decode()
    client.logout()
    (row,) = api(curator).get("/api/v1/curated/AzureML-Minimal/users/").json()
    assert (row["workspace"], row["environment"], row["version"], row["owners"], row["runs"]) == (
        "elsewhere",
        "AzureML-Minimal",
        None,
        ["stefan"],
        1,
    )


def test_where_a_workspace_has_no_owner_who_can_sign_in_its_maker_is_told(curated, copy, owner, editor):
    owner.is_active = False
    owner.save(update_fields=["is_active"])
    assert affected(curated.environment) == [(copy.environment, [editor])]


def test_a_copy_whose_latest_version_is_from_elsewhere_is_not_affected(curated, copy, editor, wanted):
    copy.environment.register(wanted("idna==3.9"), editor)
    assert affected(curated.environment) == []


def test_nothing_new_is_made_from_what_is_archived_and_what_was_made_goes_on(curated, copy, workspace, editor, wanted):
    curated.environment.curation.change(stage="archived")
    with pytest.raises(UserFault, match="AzureML-Minimal is archived: nothing new is made from it"):
        workspace.add_environment("late", editor).register(wanted("idna"), editor, origin=curated)
    assert copy.environment.register(wanted("idna==3.9"), editor, origin=curated)[1] is True


@pytest.mark.parametrize("text", ["", "AzureML-Minimal", "AzureML-Minimal/", "AzureML-Minimal/2", "science/1", "x/1²"])
def test_an_origin_that_is_none_is_refused(curated, version, text):
    assert Version.objects.curated_named("AzureML-Minimal/1") == curated
    with pytest.raises(UserFault, match="There is no curated environment"):
        Version.objects.curated_named(text)


# In the API

LIST, ONE = "/api/v1/workspaces/team/environments/", "/api/v1/workspaces/team/environments/AzureML-Minimal/"


def names(answer):
    return [each["name"] for each in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["AzureML-Minimal", "AzureML-Zero", "science", "zebra"]),
        ("?curated=true", ["AzureML-Minimal", "AzureML-Zero"]),
        ("?curated=false", ["science", "zebra"]),
        ("?curated=nonsense", ["AzureML-Minimal", "AzureML-Zero", "science", "zebra"]),
        ("?q=zero", ["AzureML-Zero"]),
    ],
)
def test_the_list_of_a_workspace_has_them_page_by_page(
    api, viewer, editor, workspace, environment, curated, curate, query, expected
):
    curate("AzureML-Zero", "idna")
    curate("AzureML-Gone", "idna", stage="archived")
    workspace.add_environment("zebra", editor)
    caller = api(viewer)
    answer = caller.get(LIST + query)
    assert names(answer) == expected
    assert [each["curated"] for each in answer.json()["results"]] == ["AzureML" in name for name in expected]
    found, url = [], f"{LIST}{query}{'&' if query else '?'}limit=1"
    while url:
        answer = caller.get(url)
        found, url = found + names(answer), answer.json()["next"]
    assert found == expected


def test_one_is_read_and_built_under_the_name_of_any_workspace(api, editor, viewer, curated):
    caller = api(editor)
    told = caller.get(ONE).json()
    assert (told["curated"], told["workspace"], told["lifecycle"]["stage"]) == (True, "curated", "current")
    assert caller.get(f"{ONE}versions/1/").json()["image_key"] == curated.image_key
    answer = caller.post(f"{ONE}versions/1/builds/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["environment"]) == (201, "AzureML-Minimal")
    assert api(viewer).post(f"{ONE}versions/1/builds/", {}, content_type="application/json").status_code == 403


def test_a_run_in_one_is_of_the_workspace_that_ran_it(api, editor, curated, stranger):
    ran = {"environment": "AzureML-Minimal", "started": "2026-01-02T03:04:05Z"}
    answer = api(editor).post("/api/v1/workspaces/team/runs/", ran, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["workspace"], answer.json()["environment"]) == ("team", "AzureML-Minimal")
    assert api(stranger).get(f"/api/v1/runs/{answer.json()['id']}/").status_code == 404


def test_a_version_is_posted_with_its_origin(api, editor, environment, curated):
    document = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna==3.10"]}]}}}
    url = f"{LIST}science/versions/"
    answer = api(editor).post(
        url, {"definition": document, "origin": "AzureML-Minimal/1"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["origin"]) == (201, "AzureML-Minimal/1")
    assert environment.latest.origin == curated
    answer = api(editor).post(url, {"definition": document, "origin": "AzureML-No/1"}, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["origin"])


def test_an_origin_may_be_named_by_a_label_and_the_number_is_recorded(
    api, editor, curator, environment, curated, curate
):
    home = curated.environment
    home.labels.point(home, "prod", curated, curator)
    body = {"definition": {"python": {"condaDependencies": {"dependencies": ["python=3.11"]}}}}
    url = reverse("api-versions", args=["team", "science"])
    made = api(editor).post(url, body | {"origin": "AzureML-Minimal/prod"}, content_type="application/json").json()
    home.labels.point(home, "prod", curate("AzureML-Minimal", "idna==3.11"), curator)
    assert made["origin"] == "AzureML-Minimal/1"
    assert api(editor).get(reverse("api-version", args=["team", "science", 1])).json()["origin"] == "AzureML-Minimal/1"


def test_curators_change_its_life_by_the_api(api, curator, curated, curate):
    curate("AzureML-Other", "idna")
    wanted = {
        "stage": "deprecated",
        "ends": "2999-01-31",
        "reason": "Old.",
        "successor": "AzureML-Other",
        "tags": {"a": "b"},
    }
    url = "/api/v1/curated/AzureML-Minimal/"
    answer = api(curator).patch(url, wanted, content_type="application/json")
    assert answer.status_code == 200
    told = answer.json()["lifecycle"]
    told.pop("since")
    assert told | {"tags": answer.json()["tags"]} == wanted
    for wrong, field in (
        ({"stage": "deprecated", "ends": None}, "ends"),
        ({"successor": "AzureML-No"}, "successor"),
        ({"stage": "x"}, "stage"),
    ):
        answer = api(curator).patch(url, wrong, content_type="application/json")
        assert (answer.status_code, list(answer.json())) == (400, [field])


def test_curators_make_one_by_the_api(api, curator, editor):
    shelf = Workspace.objects.shelf()
    url = f"/api/v1/workspaces/{shelf}/environments/"
    answer = api(curator).post(url, {"name": "AzureML-New"}, content_type="application/json")
    assert (answer.status_code, answer.json()["lifecycle"]["stage"]) == (201, "preview")
    assert api(editor).post(url, {"name": "AzureML-Mine"}, content_type="application/json").status_code == 403


def test_who_uses_one_curators_see_whole_and_others_as_far_as_they_see(api, curator, stranger, viewer, curated, copy):
    url = "/api/v1/curated/AzureML-Minimal/users/"
    line = {
        "workspace": "team", "environment": "mine", "version": 1, "origin": "AzureML-Minimal/1", "owners": [],
        "runs": 0, "last_run": None,
    }  # fmt: skip
    assert api(curator).get(url).json() == [line]
    assert api(viewer).get(url).json() == [line]
    assert api(stranger).get(url).json() == []


def test_the_shelf_in_the_api(api, stranger, curated, curate):
    curate("AzureML-Zero", "rich", tags={"hardware": "GPU"})
    curate("AzureML-Gone", "idna", stage="archived")
    caller = api(stranger)
    for query, expected in (
        ("", ["AzureML-Minimal", "AzureML-Zero"]),
        ("?q=rich", ["AzureML-Zero"]),
        ("?hardware=GPU", ["AzureML-Zero"]),
        ("?stage=archived", ["AzureML-Gone"]),
    ):
        assert names(caller.get(f"/api/v1/curated/{query}")) == expected


def test_the_workspaces_of_a_person_are_without_the_shelf(api, editor, curated):
    assert names(api(editor).get("/api/v1/workspaces/")) == ["team"]


def test_a_token_of_one_workspace_reads_the_shelf(client, editor, workspace, curated):
    _, text = Token.make(editor, "narrow", workspace=workspace)
    assert client.get(ONE, HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


def test_each_workspace_counts_its_own_runs_in_one(api, editor, stranger, curated):
    succeed(Build.objects.request(curated, curated.author))
    ran = {"environment": "AzureML-Minimal", "started": "2026-01-02T03:04:05Z"}
    for who, workspace in ((editor, "team"), (editor, "team"), (stranger, "elsewhere")):
        caller = api(who)
        assert (
            caller.post(f"/api/v1/workspaces/{workspace}/runs/", ran, content_type="application/json").status_code
            == 201
        )
    for who, count in ((editor, 2), (stranger, 1)):
        told = api(who).get("/api/v1/usage/?package=idna&of=versions").json()
        assert told["counts"]["runs"] == count, told


def test_who_may_only_look_in_a_workspace_builds_nothing_under_its_name(api, viewer, curated):
    Workspace.objects.create(name="own").memberships.create(user=viewer, role=Role.EDITOR)
    url = "/api/v1/workspaces/{}/environments/AzureML-Minimal/versions/1/builds/"
    for workspace, status in (("team", 403), ("own", 201)):
        answer = api(viewer).post(url.format(workspace), {}, content_type="application/json")
        assert answer.status_code == status


def test_a_curated_environment_is_archived_by_its_lifecycle_alone(curated, curator):
    environment = curated.environment
    with pytest.raises(Refused, match="its lifecycle says when it is archived"):
        lifecycle.archive(environment, curator)
    environment.curation.edit(curator, stage="archived")
    assert Environment.objects.get(pk=environment.pk).is_archived
    with pytest.raises(Refused, match="another step of its lifecycle"):
        lifecycle.restore(environment, curator)
    environment.curation.edit(curator, stage="current")
    assert not Environment.objects.get(pk=environment.pk).is_archived


def test_what_a_curator_says_under_settings_is_not_passed_over_by_a_file(curated, curator):
    curated.environment.describe(curator, description="Ours", tags={"hardware": "GPU"})
    curation = Curation.objects.get()
    assert (curation.is_edited, curation.environment.tags) == (True, {"hardware": "GPU"})
