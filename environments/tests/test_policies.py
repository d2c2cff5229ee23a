"""Rules of the portal and of workspaces: who makes them, what they do, and that none leaks into another workspace."""

from dataclasses import replace

import pytest
from django.urls import reverse

from builds import engine, lock_policy, preview
from builds.log import lines as lines_of
from builds.models import Lock, Status
from builds.tests.test_models import PACKAGE, succeed
from environments.faults import DefinitionFault, Refused, UserFault
from environments.models import Environment, Membership, Role, Rule, Version, Workspace
from environments.policy import PackageRule, Policy
from environments.wheels import PrivateWheel
from events.models import Event

KIND = Rule.Kind
CONDA = "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - pip=24\n  - pip:\n      - idna==3.10\n"


@pytest.fixture
def other(editor, environment):
    """Another workspace of the same editor, with an environment of the same name."""
    workspace = Workspace.objects.create(name="other")
    Membership.objects.create(workspace=workspace, user=editor, role=Role.OWNER)
    workspace.add_environment("science", editor)
    return workspace


def block(workspace=None, subject="idna", **more):
    return Rule(workspace=workspace, kind=KIND.PACKAGE_BLOCKED, subject=subject, **more).put()


def refused(workspace):
    """Codes of what a policy refuses in a definition that asks for idna 3.10."""
    version = Version.objects.filter(environment__workspace=workspace).first()
    return [finding.code for finding in version.refusals()]


def environment_of(workspace):
    return Environment.objects.get(workspace=workspace, name="science")


def test_a_rule_of_a_workspace_refuses_there_and_nowhere_else(workspace, other, version, editor, wanted):
    environment_of(other).register(wanted("idna==3.10"), editor)
    block(workspace)
    assert (refused(workspace), refused(other)) == (["package-blocked"], [])
    block()
    assert (len(refused(workspace)), refused(other)) == (2, ["package-blocked"])


def test_registering_names_the_line(api, editor, workspace, other, environment):
    block(workspace, message="Ask Vera.", replacement="anyascii==0.3.2")
    caller = api(editor)
    post = [
        caller.post(reverse("api-versions", args=[name, "science"]), {"conda": CONDA}, content_type="application/json")
        for name in ("team", "other")
    ]
    assert [each.status_code for each in post] == [400, 201]
    assert post[0].json() == {"conda": ["Line 6: idna is blocked here. Ask Vera."]}
    definition = {
        "definition": {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna==3.10"]}]}}}
    }
    answer = caller.post(reverse("api-versions", args=["team", "science"]), definition, content_type="application/json")
    assert (answer.status_code, "idna is blocked here" in str(answer.json())) == (400, True)


def test_the_editor_refuses_with_the_line_and_one_click_mends_it(client, editor, workspace, other, environment):
    block(workspace, replacement="anyascii==0.3.2")
    client.force_login(editor)
    typed = {"view": "text", "conda": CONDA, "rest": "{}"}
    page = client.post(reverse("new-version", args=["team", "science"]), typed)
    assert page.status_code == 422
    key = next(each.key for each in page.context["editing"].findings if each.code == "package-blocked")
    page = client.post(reverse("new-version", args=["team", "science"]), typed | {"edit": f"fix-{key}"})
    assert page.context["editing"].draft.conda == CONDA.replace("idna==3.10", "anyascii==0.3.2")
    assert client.post(reverse("new-version", args=["other", "science"]), typed).status_code == 302


def test_no_way_leads_round_the_verb(workspace, other, environment, editor, wanted):
    block(workspace)
    read_elsewhere = wanted("idna==3.10")
    with pytest.raises(DefinitionFault, match="idna is blocked here"):
        environment.register(read_elsewhere, editor)
    assert environment_of(other).register(read_elsewhere, editor)[1]


def test_a_version_that_was_registered_before_is_not_built_any_more(
    client, api, editor, version, workspace, other, wanted
):
    theirs, _ = environment_of(other).register(wanted("idna==3.10"), editor)
    block(workspace, message="Ask Vera.")
    client.force_login(editor)
    assert "refuse this version now" in client.get(version.get_absolute_url()).content.decode()
    page = client.post(reverse("request-build", args=["team", "science", 1]))
    assert (page.status_code, "Ask Vera." in page.content.decode()) == (409, True)
    url = reverse("api-version-builds", args=["team", "science", 1])
    answer = api(editor).post(url, {}, content_type="application/json")
    assert (answer.status_code, "Ask Vera." in answer.json()["detail"]) == (409, True)
    assert theirs.builds.request(theirs, editor)


def test_registering_and_building_at_once_keeps_the_version_and_says_why_it_is_not_built(
    client, editor, environment, settings
):
    settings.STORAGE_PER_WORKSPACE_MB = 1
    PrivateWheel.objects.create(
        workspace=environment.workspace,
        filename="x-1-py3-none-any.whl",
        sha256="0" * 64,
        size=2_000_000,
        uploaded_by=editor,
    )
    client.force_login(editor)
    url = reverse("new-version", args=["team", "science"])
    page = client.post(url, {"view": "text", "conda": CONDA, "rest": "{}", "build": "1"}, follow=True)
    assert environment.versions.count() == 1
    assert "takes 2.0 MB of the 1.0 MB" in page.content.decode()


BROUGHT = replace(PACKAGE, name="brought", version="1.0", direct=False, requested_by=("idna",))


def test_what_another_workspace_built_is_not_given_where_a_rule_is_against_what_it_brings(build, other, editor, wanted):
    lock = Lock.objects.store("3.11.7", "linux-64", [PACKAGE, BROUGHT])
    build.move_to(Status.RUNNING)
    build.finish(Status.SUCCEEDED, lock=lock, prefix="p")
    theirs, _ = environment_of(other).register(wanted("idna==3.10"), editor)
    block(other, "brought", constraint="<2")
    assert theirs.builds.request(theirs, editor).reused_from is None
    assert build.version.builds.request(build.version, editor).reused_from == build


def test_a_build_that_waits_fails_when_a_rule_comes_and_says_which(build, workspace):
    block(workspace, message="Ask Vera.")
    engine.run(build, "w")
    build.refresh_from_db()
    assert (build.status, build.failure) == ("failed", "not allowed")
    assert build.reason.endswith("idna is blocked here. Ask Vera.")


def test_what_is_resolved_is_held_to_the_policy_too():
    rules = Policy(
        blocked=(PackageRule("Brought", "Ask Vera.", "", "", "<2"),), required=(PackageRule("idna", constraint=">=4"),)
    )
    assert lock_policy.refusals([PACKAGE, BROUGHT], rules) == [
        "brought 1.0 (needed by idna) is blocked here. Ask Vera.",
        "idna >=4 is required here, and this would be 3.10.",
    ]
    assert lock_policy.refusals([replace(PACKAGE, version="4.1")], rules) == []


def test_a_preview_is_held_to_the_policy_of_its_workspace(build, workspace, other, wanted):
    """It answers from a lock that is kept, which another workspace may have made."""
    succeed(build)
    block(other, "idna")
    definition = wanted("idna==3.10")
    answers = [
        preview.resolve(definition, name, rules=Rule.objects.rules(scope), platform="linux-64")
        for name, scope in (("a", workspace), ("b", other))
    ]
    assert [answer.fits for answer in answers] == [True, False]
    assert (answers[1].failure.failure, answers[1].packages) == ("not allowed", ())


def test_members_see_the_portals_rules_and_their_own_and_no_others(client, api, viewer, workspace, other):
    block(None, "of-portal")
    block(workspace, "of-team")
    theirs = block(other, "of-other")
    client.force_login(viewer)
    page = client.get(reverse("policies", args=["team"])).content.decode()
    assert ("of-portal" in page, "of-team" in page, "of-other" in page) == (True, True, False)
    caller = api(viewer)
    listed = caller.get(reverse("api-policies", args=["team"])).json()["results"]
    assert [(rule["subject"], rule["scope"]) for rule in listed] == [("of-portal", "portal"), ("of-team", "team")]
    assert caller.get(reverse("api-policy", args=["team", theirs.pk])).status_code == 404


def test_an_owner_changes_none_but_the_rules_of_the_workspace(client, owner, workspace, other):
    of_portal, theirs = block(None), block(other)
    client.force_login(owner)
    for rule in (of_portal, theirs):
        assert client.post(reverse("policy", args=["team", rule.pk]), {"subject": "x"}).status_code == 404
        assert client.post(reverse("policy-delete", args=["team", rule.pk])).status_code == 404
    assert Rule.objects.filter(subject="idna").count() == 2


def test_a_workspace_can_allow_less_than_the_portal_and_no_more(workspace, other):
    Rule(kind=KIND.CHANNEL_ALLOWED, subject="conda-forge").put()
    Rule(kind=KIND.CHANNEL_ALLOWED, subject="https://conda.example.org/team").put()
    with pytest.raises(UserFault, match="The portal allows only"):
        Rule(workspace=workspace, kind=KIND.CHANNEL_ALLOWED, subject="bioconda").put()
    Rule(workspace=workspace, kind=KIND.CHANNEL_ALLOWED, subject="https://conda.example.org/team/stable").put()
    rules, theirs = Rule.objects.rules(workspace), Rule.objects.rules(other)
    channels = ("https://conda.example.org/team/stable", "https://conda.example.org/team", "conda-forge", "bioconda")
    assert [bool(rules.channels_without(each)) for each in channels] == [False, True, True, True]
    assert [bool(theirs.channels_without(each)) for each in channels] == [False, False, False, True]


def test_what_a_workspace_allowed_before_the_portal_had_a_list_is_cut_to_that(workspace):
    Rule(workspace=workspace, kind=KIND.INDEX_ALLOWED, subject="https://theirs.example.org/simple").put()
    Rule(kind=KIND.INDEX_ALLOWED, subject="https://ours.example.org/simple").put()
    rules = Rule.objects.rules(workspace)
    assert rules.indexes_without("https://theirs.example.org/simple")
    assert rules.indexes_without("https://ours.example.org/simple")


@pytest.mark.parametrize(
    "address",
    [
        "https://ours.example.org/simple/../other",
        "https://ours.example.org/simple/%2e%2e/other",
        "https://ours.example.org.evil.example/simple",
        "https://ours.example.org@evil.example/simple",
        "https://ours.example.org/simple2",
        "http://ours.example.org/simple",
    ],
)
def test_an_address_that_only_looks_allowed_is_refused(db, address):
    Rule(kind=KIND.INDEX_ALLOWED, subject="https://ours.example.org/simple").put()
    assert Rule.objects.rules().indexes_without(address)
    assert not Rule.objects.rules().indexes_without("https://${TOKEN}@ours.example.org/simple/team")


def test_a_reserved_prefix_is_the_portals_alone(workspace, editor, client):
    with pytest.raises(UserFault, match="Administrators alone"):
        Rule(workspace=workspace, kind=KIND.PREFIX_RESERVED, subject="Lab").put()
    Rule(kind=KIND.PREFIX_RESERVED, subject="Lab").put()
    with pytest.raises(UserFault, match="Names that begin with Lab are reserved"):
        workspace.add_environment("labour", editor)
    with pytest.raises(UserFault, match="AzureML"):
        workspace.add_environment("azureml-x", editor)
    client.force_login(editor)
    page = client.post(
        reverse("new-environment", args=["team"]), {"name": "lab-1", "view": "text", "conda": CONDA, "rest": "{}"}
    )
    assert (page.status_code, "reserved for curated" in page.content.decode()) == (422, True)


def test_no_rule_of_a_workspace_takes_the_place_of_the_portals(workspace):
    image = {"kind": KIND.IMAGE_DEPRECATED, "subject": "ours:1*"}
    Rule(workspace=workspace, message="Fine.", replacement="ours:1", **image).put()
    Rule(message="Unsafe.", replacement="ours:2", **image).put()
    assert Rule.objects.rules(workspace).image_rule("ours:1.2").message == "Unsafe."


def test_a_draft_is_held_to_the_rules_of_the_workspace_that_it_is_for(client, editor, version, workspace, other):
    """Also where it starts from a version of another one."""
    block(other)
    client.force_login(editor)
    page = client.get(reverse("new-environment", args=["other"]), {"from": "team/science/1"})
    assert "package-blocked" in [each.code for each in page.context["editing"].findings]
    page = client.get(reverse("new-version", args=["team", "science"]))
    assert "package-blocked" not in [each.code for each in page.context["editing"].findings]


def test_every_act_is_an_event_of_its_workspace_with_before_and_after(workspace, owner, administrator, client):
    client.force_login(owner)
    url = reverse("policy-new", args=["team"]) + "?kind=package-blocked"
    assert client.post(url, {"subject": "idna", "constraint": "<3"}).status_code == 302
    rule = Rule.objects.get()
    client.post(reverse("policy", args=["team", rule.pk]), {"subject": "idna", "constraint": "<4"})
    client.post(reverse("policy-delete", args=["team", rule.pk]))
    told = (
        Event.objects.filter(kind="rule").order_by("pk").values_list("verb", "person", "workspace", "before", "after")
    )
    assert [(verb, person, where) for verb, person, where, *_ in told] == [
        (verb, "olga", "team") for verb in ("made", "changed", "deleted")
    ]
    assert (told[1][3], told[1][4]) == ({"constraint": "<3"}, {"constraint": "<4"})
    client.force_login(administrator)
    client.post(reverse("portal-policy-new") + "?kind=prefix-reserved", {"subject": "Lab"})
    assert Event.objects.filter(kind="rule", workspace="", person="root").count() == 1


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("package-blocked", {"subject": "left pad"}, "subject"),
        ("package-blocked", {"subject": "idna", "constraint": "=>!2"}, "constraint"),
        ("package-blocked", {"subject": "idna", "replacement": "idna"}, "replacement"),
        ("package-blocked", {"subject": "idna", "replacement": "-r x"}, "replacement"),
        ("package-blocked", {"subject": "idna", "manager": "npm"}, "manager"),
        ("channel-allowed", {"subject": "https://user:pw@h.example.org/c"}, "subject"),
        ("index-allowed", {"subject": "pypi"}, "subject"),
        ("image-deprecated", {"subject": "a b"}, "subject"),
        ("image-deprecated", {"subject": "a:1", "replacement": "b c"}, "replacement"),
        ("prefix-reserved", {"subject": "-x"}, "subject"),
        ("python-ends", {"subject": "3.8"}, "date"),
        ("python-ends", {"subject": "three", "date": "2024-10-07"}, "subject"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(client, api, administrator, kind, data, field):
    client.force_login(administrator)
    page = client.post(f"{reverse('portal-policy-new')}?kind={kind}", data)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert f'value="{data["subject"]}"' in page.content.decode()
    answer = api(administrator).post(
        reverse("api-portal-policies"), {"kind": kind, **data}, content_type="application/json"
    )
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Rule.objects.exists()


def test_what_a_kind_does_not_say_is_refused(api, administrator):
    data = {"kind": "channel-allowed", "subject": "conda-forge", "message": "x"}
    answer = api(administrator).post(reverse("api-portal-policies"), data, content_type="application/json")
    assert answer.json() == {"message": ["A rule of this kind says nothing here."]}


def test_there_is_no_rule_twice(workspace):
    for scope in (None, workspace):
        block(scope)
        with pytest.raises(UserFault, match="this rule already"):
            block(scope)
    block(workspace, constraint="<2")


def test_a_required_package_must_be_there_in_a_version_that_will_do(environment, editor, wanted, workspace):
    Rule(
        workspace=workspace, kind=KIND.PACKAGE_REQUIRED, subject="our-agent", constraint=">=2", message="Ask Vera."
    ).put()
    for lines in (["idna==3.10"], ["idna==3.10", "our-agent==1.9"]):
        with pytest.raises(DefinitionFault, match=r"our-agent >=2 is required here\. Ask Vera\."):
            environment.register(wanted(*lines), editor)
    assert environment.register(wanted("our_agent==2.1"), editor)[1]


def test_a_refused_build_leaves_no_row(version, editor, workspace):
    block(workspace)
    with pytest.raises(Refused):
        version.builds.request(version, editor)
    assert not version.builds.exists()


def test_the_admin_keeps_rules_by_the_same_checks_and_with_their_event(client, administrator, workspace):
    client.force_login(administrator)
    url = reverse("admin:environments_rule_add")
    posted = {"kind": "package-blocked", "subject": "idna", "constraint": "=>!2", "workspace": workspace.pk}
    assert client.post(url, posted).status_code == 200
    assert not Rule.objects.exists()
    assert client.post(url, posted | {"constraint": "<2"}).status_code == 302
    assert Event.objects.filter(kind="rule", verb="made", workspace="team", person="root").count() == 1
    assert client.post(url, posted | {"constraint": "", "kind": "prefix-reserved"}).status_code == 200


def test_the_admin_deletes_no_workspace_and_changes_no_quota(client, administrator, workspace):
    client.force_login(administrator)
    assert (
        client.post(reverse("admin:environments_workspace_delete", args=[workspace.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert client.get(reverse("admin:builds_share_add")).status_code == 403


# Base images and Dockerfiles

DOCKERFILE = "FROM h.org/ours:1.4\nRUN pip install idna==3.10\n"


def on(image="", dockerfile=""):
    docker = {"baseImage": image} if image else {"baseDockerfile": dockerfile}
    return {
        "python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["rich==13.0"]}]}},
        "docker": docker,
    }


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (on("h.org/ours:1.4"), "The base image h.org/ours:1.4 is blocked here. Ask Vera."),
        (on(dockerfile=DOCKERFILE.replace("idna", "anyascii")), "The base image h.org/ours:1.4 is blocked here."),
        (on(dockerfile=DOCKERFILE.replace("ours:1.4", "free:1")), "idna is blocked here"),
    ],
    ids=["image", "the image of a Dockerfile", "a package in a Dockerfile"],
)
def test_a_blocked_base_is_neither_registered_nor_built(api, editor, workspace, other, environment, document, words):
    caller = api(editor)
    url = reverse("api-versions", args=["team", "science"])
    old = caller.post(url, {"definition": document}, content_type="application/json").json()["number"]
    Rule(workspace=workspace, kind=KIND.IMAGE_BLOCKED, subject="ours:1*", message="Ask Vera.").put()
    block(workspace)
    build = caller.post(
        reverse("api-version-builds", args=["team", "science", old]), {}, content_type="application/json"
    )
    assert (build.status_code, words in build.json()["detail"]) == (409, True)
    document["environmentVariables"] = {"A": "another"}
    assert caller.post(url, {"definition": document}, content_type="application/json").status_code == 400
    theirs = reverse("api-versions", args=["other", "science"])
    assert caller.post(theirs, {"definition": document}, content_type="application/json").status_code == 201


def test_a_deprecated_base_is_said_where_it_is_registered_shown_and_built(
    api, client, editor, environment, workspace, wanted
):
    version = environment.register(wanted("rich==13.0", docker={"baseImage": "h.org/ours:1.4"}), editor)[0]
    build = version.builds.request(version, editor)
    Rule(workspace=workspace, kind=KIND.IMAGE_DEPRECATED, subject="ours:1*", message="Use 2.").put()
    client.force_login(editor)
    assert "h.org/ours:1.4 is deprecated. Use 2." in client.get(version.get_absolute_url()).content.decode()
    engine.run(build, "w")
    assert "Warning: h.org/ours:1.4 is deprecated. Use 2." in "".join(line.text for line in lines_of(build))
    again = {"definition": on("h.org/ours:1.4")}
    answer = api(editor).post(reverse("api-versions", args=["team", "science"]), again, content_type="application/json")
    assert "is deprecated. Use 2." in str(answer.json()["findings"])


def test_what_replaces_a_blocked_image_is_not_blocked_itself(workspace):
    with pytest.raises(UserFault, match="Name another image"):
        Rule(workspace=workspace, kind=KIND.IMAGE_BLOCKED, subject="ours:*", replacement="h.org/ours:2").put()
