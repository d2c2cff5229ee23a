"""Licences of a lock on pages and in the API, and the policies that they are held against."""

import re

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.urls import reverse

from builds.licensing import Licensing
from builds.models import Build, LicenceRules, Lock, VersionLock
from builds.tests.diff_cast import conda, pip
from environments.faults import UserFault
from environments.models import Membership, Role, Workspace
from events.models import Event

LISTS = {"allowed": ["MIT"], "review": [], "denied": ["GPL-3.0-only"]}
PACKAGES = [
    pip("idna", "3.10", licence="MIT License"),
    pip("six", "1.17", "b", licence="MIT"),
    pip("gnu", "1.0", "c", licence="GPL-3.0"),
    pip("old", "1.0", "d", licence="BSD License"),
    conda("silent", sha256="e"),
]


def text_of(answer, status=200):
    assert answer.status_code == status
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


@pytest.fixture
def locked(version, editor):
    """The version has a lock of packages with all kinds of licences, and a good build."""
    lock = Lock.objects.store("3.11.7", "linux-64", PACKAGES)
    VersionLock.objects.keep(version, lock, editor)
    build = version.builds.request(version, editor)
    Build.objects.filter(pk=build.pk).update(status="succeeded", lock=lock, finished=build.created)
    return lock


@pytest.fixture
def rules(workspace, owner):
    return LicenceRules.objects.decide(workspace, LISTS, "", owner)


def test_packages_are_grouped_by_licence_the_worst_first(locked, rules, workspace):
    found = Licensing(locked.packages.all(), LicenceRules.objects.for_workspace(workspace))
    assert [(group.name, group.verdict.key, len(group.packages)) for group in found.groups] == [
        ("GPL-3.0-only", "denied", 1),
        ("BSD License", "unknown", 1),
        ("not said", "unknown", 1),
        ("MIT", "allowed", 2),
    ]
    assert found.words == "1 denied, 2 unknown, 2 allowed"
    assert [group.name for group in found.denied] == ["GPL-3.0-only"]


def test_the_pages_of_a_lock_and_a_version_show_what_the_policy_says(client, viewer, locked, rules, version):
    client.force_login(viewer)
    page = text_of(client.get(locked.get_absolute_url()))
    assert "Licences 1 denied, 2 unknown, 2 allowed" in page
    assert "These words mean no licence for certain" in page
    assert "Policy of team" in page
    part = text_of(client.get(version.get_absolute_url()))
    assert "GPL-3.0-only Denied 1 gnu" in part
    assert "Allowed 2" not in part
    assert "What is allowed is left out" in part


def test_without_a_policy_pages_say_so_and_call_nothing_allowed(client, viewer, locked):
    client.force_login(viewer)
    page = text_of(client.get(locked.get_absolute_url()))
    assert "2 unknown, no policy" in page
    assert "so nothing here is allowed or denied" in page


def test_the_api_of_a_lock_and_of_a_build_says_the_same(api, viewer, locked, rules):
    caller = api(viewer)
    data = caller.get(reverse("api-lock", args=[locked.digest])).json()["licences"]
    build = caller.get(reverse("api-build", args=[locked.builds.get().pk])).json()
    assert build["licences"]["counts"] == data["counts"]
    assert (data["is_decided"], data["counts"]) == (True, {"allowed": 2, "review": 0, "unknown": 2, "denied": 1})
    assert data["licences"][0] == {
        "licence": "GPL-3.0-only",
        "expression": "GPL-3.0-only",
        "verdict": "denied",
        "packages": [{"manager": "pip", "name": "gnu", "version": "1.0"}],
    }
    assert [each["licence"] for each in data["licences"][1:3]] == ["BSD License", None]


@pytest.mark.parametrize("name", ["lock-bill", "api-lock-bill"])
def test_a_lock_has_a_bill_whether_or_not_it_was_built(client, viewer, version, editor, name):
    lock = Lock.objects.store("3.11.7", "linux-aarch64", PACKAGES)
    VersionLock.objects.keep(version, lock, editor)
    client.force_login(viewer)
    answer = client.get(reverse(name, args=[lock.digest]))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(answer.content.decode()) is None
    assert answer.headers["Content-Disposition"] == 'attachment; filename="science-1.cdx.json"'
    assert len(answer.json()["components"]) == len(PACKAGES) + 1
    assert client.get(reverse(name, args=[lock.digest])).content == answer.content


def test_the_policy_of_a_workspace_counts_nowhere_else(api, client, locked, rules, stranger, wanted):
    """Not for a workspace that has the very same lock, and not to be seen from there."""
    elsewhere = Workspace.objects.get(name="elsewhere")
    version = elsewhere.add_environment("mine", stranger).register(wanted("idna==3.10"), stranger)[0]
    VersionLock.objects.keep(version, locked, stranger)
    caller = api(stranger)
    data = caller.get(reverse("api-lock", args=[locked.digest])).json()["licences"]
    assert (data["is_decided"], data["counts"]["denied"]) == (False, 0)
    for name in ("licence-rules", "api-licence-rules", "inventory", "api-inventory-bill"):
        assert caller.get(reverse(name, args=["team"])).status_code in (302, 404)
    client.force_login(stranger)
    assert "GPL-3.0-only" not in text_of(client.get(reverse("licence-rules", args=["elsewhere"])))
    assert not LicenceRules.objects.for_workspace(elsewhere).is_decided


def test_what_the_portal_denies_is_denied_in_every_workspace(locked, workspace, owner, person):
    root = person("root", is_superuser=True)
    LicenceRules.objects.decide(workspace, LISTS | {"allowed": ["MIT", "ISC"]}, "", owner)
    LicenceRules.objects.decide(None, {"allowed": [], "review": [], "denied": ["MIT"]}, "", root)
    assert LicenceRules.objects.for_workspace(workspace).verdict("MIT").key == "denied"
    with pytest.raises(UserFault, match="The portal says of MIT: denied"):
        LicenceRules.objects.decide(workspace, LISTS, "", owner)


def test_an_owner_sets_the_policy_and_its_event_says_what_was(client, owner, workspace, rules):
    client.force_login(owner)
    address = reverse("licence-rules", args=["team"])
    asked = {"allowed": "mit\r\nApache-2.0", "review": "", "denied": '"BSD License"', "otherwise": "denied"}
    assert client.post(address, asked).status_code == 302
    row = LicenceRules.objects.get(workspace=workspace)
    assert (row.allowed, row.denied, row.otherwise) == (["MIT", "Apache-2.0"], ['"bsd license"'], "denied")
    event = Event.objects.latest("pk")
    assert (event.verb, event.kind, event.before["denied"], event.after["denied"]) == (
        "replaced",
        "licence policy",
        ["GPL-3.0-only"],
        ['"bsd license"'],
    )


def test_a_line_that_is_wrong_is_named_and_nothing_typed_is_lost(client, owner, rules):
    client.force_login(owner)
    asked = {"allowed": "MIT\nAGPLL", "review": "ISC", "denied": "", "otherwise": "review"}
    page = text_of(client.post(reverse("licence-rules", args=["team"]), asked), 422)
    assert "Line 2: “AGPLL” is no SPDX licence." in page
    assert "MIT AGPLL" in page
    assert "ISC" in page
    assert LicenceRules.objects.get().denied == ["GPL-3.0-only"]


def test_a_viewer_reads_the_policy_and_has_no_form(client, viewer, rules):
    client.force_login(viewer)
    answer = client.get(reverse("licence-rules", args=["team"]))
    assert "Denied GPL-3.0-only" in text_of(answer)
    assert "<textarea" not in answer.content.decode()
    assert client.post(reverse("licence-rules", args=["team"]), {}).status_code == 403


def test_the_api_takes_a_policy_and_refuses_one_that_is_looser(api, owner, person, workspace):
    root = person("root", is_superuser=True)
    portal, team = reverse("api-licence-rules-everywhere"), reverse("api-licence-rules", args=["team"])
    json = {"content_type": "application/json"}
    assert api(root).put(portal, {"denied": ["GPL-3.0"], "otherwise": ""}, **json).json()["denied"] == ["GPL-3.0-only"]
    caller = api(owner)
    assert caller.put(portal, {}, **json).status_code == 403
    assert caller.get(portal).json()["denied"] == ["GPL-3.0-only"]
    assert caller.get(team).json() == {
        "allowed": [],
        "review": [],
        "denied": [],
        "otherwise": "",
        "changed_by": None,
        "changed": None,
    }
    answer = caller.put(team, {"allowed": ["GPL-3.0-only"]}, **json)
    assert (answer.status_code, list(answer.json())) == (400, ["allowed"])
    answer = caller.put(team, {"allowed": ["nonsense"]}, **json)
    assert answer.json() == {
        "allowed": ["Line 1: “nonsense” is no SPDX licence. Words as packages say them stand in quotes."]
    }
    assert caller.put(team, {"allowed": ["MIT"], "otherwise": "denied"}, **json).json()["changed_by"] == "olga"


def test_the_portal_has_one_policy(person):
    root = person("root", is_superuser=True)
    for licence in ("MIT", "ISC"):
        LicenceRules.objects.decide(None, {"allowed": [licence], "review": [], "denied": []}, "", root)
    assert LicenceRules.objects.get().allowed == ["ISC"]


def test_a_member_of_two_workspaces_is_told_whose_policy_it_is(client, viewer, locked, rules, stranger, wanted):
    elsewhere = Workspace.objects.get(name="elsewhere")
    Membership.objects.create(workspace=elsewhere, user=viewer, role=Role.VIEWER)
    version = elsewhere.add_environment("mine", stranger).register(wanted("idna==3.10"), stranger)[0]
    VersionLock.objects.keep(version, locked, stranger)
    client.force_login(viewer)
    page = text_of(client.get(locked.get_absolute_url()))
    assert "Policy of elsewhere" in page
    assert "so nothing here is allowed or denied" in page
