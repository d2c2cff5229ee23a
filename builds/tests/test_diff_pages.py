"""The diff as people and scripts get it."""

import json
import re

import pytest
from django.http import Http404
from django.urls import reverse

from builds import sides
from builds.comparison import Comparison, Side
from builds.diff_api import DiffSerializer
from builds.models import Build, Lock
from builds.tests.diff_cast import built, conda, pip
from builds.tests.test_preview import HERE
from environments.faults import UserFault
from environments.models import Workspace

E = ["team", "science"]
URL = "/workspaces/team/environments/science/diff/"


@pytest.fixture
def first(environment, editor, wanted):
    locked = [pip("idna", "3.9"), pip("gone", licence="MIT"), conda("openssl", direct=False, requested_by=("idna",))]
    return built(environment, editor, wanted("idna==3.9", "gone"), *locked)


@pytest.fixture
def second(environment, editor, wanted, first):
    locked = [pip("idna", "4.0", size=30), conda("openssl", sha256="b", direct=False, requested_by=("idna",))]
    return built(environment, editor, wanted("idna==4.0"), *locked, python="3.12.1", message="Newer")


@pytest.fixture
def get(client, viewer):
    client.force_login(viewer)
    return lambda url=URL, status=200, **data: check(
        client.get(url, {k.rstrip("_"): v for k, v in data.items()}), status
    )


def check(answer, status):
    assert answer.status_code == status
    return answer


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_the_page_says_at_a_glance_what_differs(get, second):
    page = get()
    text = text_of(page)
    assert "Version 1 → 2" in text
    assert (
        "2 settings of the definition and 3 packages differ, Python goes from 3.11.7 to 3.12.1; the download grows by 10 bytes."
        in text
    )
    assert "1 hash changed 1 removed 1 up 1 major 0 unchanged" in text
    assert "The hash of 1 package changed under the same version" in text
    assert text.count("not assessed") == 2
    assert "The new one is by edgar" in text
    assert 'href="/workspaces/team/environments/science/packages/pip/idna/"' in page.content.decode()


def test_a_row_says_what_moved_why_and_by_how_much(get, second):
    rows = re.findall(r'<tr data-change="(\w+)">(.*?)</tr>', get().content.decode())
    seen = [(tone, re.sub(r"\s*<[^>]*>\s*", " ", row).split()) for tone, row in rows]
    assert seen == [
        ("removed", ["Removed", "gone", "1.0", "–", "pip", "asked", "for,", "any", "version", "−10", "bytes"]),
        ("major", ["Up", "idna", "3.9", "4.0", "major", "pip", "asked", "for,", "==4.0", "+20", "bytes"]),
        ("hash", f"Hash changed openssl 1.0 sha256:{'a' * 12} 1.0 sha256: {'b' * 12} forge idna 0".split()),
    ]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"kind": "major"}, ["idna"]),
        ({"kind": ["removed", "hash"]}, ["gone", "openssl"]),
        ({"q": "SSL"}, ["openssl"]),
        ({"kind": "up", "q": "ssl"}, []),
        ({"kind": "nonsense"}, ["gone", "idna", "openssl"]),
    ],
)
def test_the_address_says_what_is_shown(get, second, filters, names):
    page = get(**filters).content.decode()
    assert re.findall(r'<th scope="row"><a [^>]*>(\w+)', page) == names


def test_a_filter_swaps_the_rows_alone(client, viewer, second):
    client.force_login(viewer)
    part = client.get(URL, {"q": "idna", "view": "packages"}, headers={"HX-Request": "true"})
    text = part.content.decode()
    assert '<div class="stack" id="changes">' in text
    assert "<html" not in text
    assert "view=packages&amp;q=idna&amp;kind=up" in text  # the counts filter what was searched for
    assert part.headers["Vary"].count("HX-Request")


def test_the_definition_and_its_text(get, second):
    page = get(view="definition").content.decode()
    assert 'Removed</span></td><th scope="row">gone' in page
    assert '<li data-change="added"><a tabindex="-1">' in page
    assert "idna==4.0" in text_of(get(view="text"))


def test_many_rows_are_cut_until_somebody_wants_them_all(get, environment, editor, wanted):
    built(environment, editor, wanted("a"), pip("a"))
    built(environment, editor, wanted("b"), pip("a"), *(pip(f"p{i}", direct=False) for i in range(130)))
    assert "The first 100 of 130." in text_of(get())
    page = get(all=1, q="p").content.decode()
    assert (page.count('<tr data-change="added">'), "The first" in page) == (130, False)


def test_the_same_version_twice(get, second):
    text = text_of(get(from_="2", to="2"))
    assert "Nothing differs" in text
    assert "All 2 packages are the same, to the byte." in text


def test_without_a_lock_the_definition_is_shown_and_how_to_get_one(get, client, second, environment, editor, wanted):
    third, _ = environment.register(wanted("idna==4.0", "six"), editor)
    text = text_of(get(to="3"))
    assert "Version 3 was not built yet, so it has no lock." in text
    assert "Added six pip" in text
    assert "Build version 3" not in text  # a viewer may not
    client.force_login(editor)
    assert "Build version 3" in text_of(client.get(URL))
    build = third.builds.request(third, editor)
    assert "has not ended yet" in text_of(client.get(URL))
    build.fail("ours", "because")
    assert "The last build of version 3 failed" in text_of(client.get(URL))


def test_a_lock_alone_has_no_definition(get, first, second):
    lock = Lock.objects.get(builds__version=first)
    text = text_of(get("/diff/", from_=f"lock:{lock.digest}", to="team/science/2"))
    assert "3 packages differ" in text
    assert "A lock alone has no definition" in text_of(
        get("/diff/", from_=f"lock:{lock.digest}", to="team/science/2", view="definition")
    )


def test_two_builds_of_one_version(get, second, editor):
    one = second.builds.get()
    other = Build.objects.create(version=second, image_key="k", asked_by=editor)
    text = text_of(get("/diff/", from_=f"build:{one.pk}", to=f"build:{other.pk}"))
    assert f"Build {one.short_id} of version 2 → Build {other.short_id} of version 2" in text
    assert "has not ended yet" in text


def test_across_environments(get, second, workspace, editor, wanted):
    other = workspace.add_environment("other", editor)
    built(other, editor, wanted("idna==4.0"), pip("idna", "4.0", size=30))
    text = text_of(get(from_="2", to="team/other/1"))
    assert "team/science version 2 → team/other version 1" in text
    assert '<option value="team/other/1" selected>' in get(to="team/other/1").content.decode()


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("x", "names nothing that can be compared"),
        ("0", "names nothing that can be compared"),
        ("team/science/0", "names nothing that can be compared"),
        ("service:1", "names nothing that can be compared"),
        ("run:1", "A run is named by its id"),
        ("lock:12", "64 hex digits"),
        ("build:12", "by its id"),
        ("x" * 500, None),
    ],
)
def test_a_reference_that_makes_no_sense_is_explained(get, second, api, viewer, reference, says):
    if says is None:  # too long for a reference: as if nothing was said
        get(from_=reference)
        return
    assert says in text_of(get(from_=reference, status=422))
    answer = api(viewer).get(reverse("api-environment-diff", args=E), {"from": reference})
    assert answer.status_code == 400
    assert says in answer.json()["from"][0]


def test_the_start_explains_what_can_be_compared(get, first, editor):
    assert "Write workspace/environment/3" in text_of(get("/diff/"))
    assert (
        'value="team/science/1"'
        in get("/diff/", from_="team/science/1", to="team/science/1", choose=1).content.decode()
    )


def test_an_environment_without_a_version(get, environment):
    assert "No version yet" in text_of(get())


@pytest.mark.parametrize("what", ["version", "lock", "build"])
def test_a_side_that_one_may_not_see_does_not_exist(client, stranger, second, wanted, what):
    elsewhere = Workspace.objects.get(name="elsewhere").add_environment("mine", stranger)
    built(elsewhere, stranger, wanted("idna"), pip("idna"))
    build = second.builds.get()
    hidden = {"version": "team/science/2", "lock": f"lock:{build.lock.digest}", "build": f"build:{build.pk}"}[what]
    client.force_login(stranger)
    for sides_ in ({"from": "elsewhere/mine/1", "to": hidden}, {"from": hidden, "to": "elsewhere/mine/1"}):
        assert client.get("/diff/", sides_).status_code == 404
        assert client.get("/workspaces/elsewhere/environments/mine/diff/", sides_).status_code == 404
        assert client.get(reverse("api-diff"), sides_).status_code == 404
    with pytest.raises(Http404):
        sides.read(hidden, stranger)


def test_a_lock_is_seen_through_any_build_that_one_sees(stranger, second, wanted):
    elsewhere = Workspace.objects.get(name="elsewhere").add_environment("mine", stranger)
    lock = Lock.objects.get(builds__version=second)
    built(elsewhere, stranger, wanted("idna"), *lock.values(), python="3.12.1")
    assert sides.read(f"lock:{lock.digest}", stranger).title == f"Lock {lock.digest[:12]}"


def test_whatever_else_can_be_compared_adds_a_reader(monkeypatch, viewer):
    def read_run(text, user, field):
        if text != "7":
            raise UserFault("There is no such run.", field)
        return Side(f"run:{text}", f"Run {text} for {user}")

    monkeypatch.setitem(sides.READERS, "run", read_run)
    assert sides.read("run:7", viewer).title == "Run 7 for vera"
    with pytest.raises(UserFault):
        sides.read("run:8", viewer)


def test_the_downloads_are_whole_whatever_is_filtered(get, second):
    markdown = get(form="markdown", q="idna")
    assert markdown.headers["Content-Disposition"] == 'attachment; filename="diff.md"'
    assert "| Removed | `gone` |" in markdown.content.decode()
    assert "<http://testserver/workspaces/team/environments/science/diff/?from=1&to=2>" in markdown.content.decode()
    data = json.loads(get(form="json", q="idna").content)
    assert data == get(reverse("api-environment-diff", args=E)).json()


def shape(value):
    """Which keys stand where, whatever the values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key != "counts"}
    return [shape(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_the_api_answers_as_its_schema_says(api, viewer, second):
    data = api(viewer).get(reverse("api-environment-diff", args=E)).json()
    assert data["summary"] == {
        "text": "−1 ↑1, 1 hash changed, 1 major",
        "counts": {"removed": 1, "up": 1, "hash": 1, "major": 1},
        "unchanged": 0,
        "growth": 10,
    }
    assert data["advisories"] == {"state": "not assessed", "fixed": None, "introduced": None}
    assert [(each["kind"], each["name"], each["because_of"]) for each in data["packages"]] == [
        ("removed", "gone", []),
        ("up", "idna", []),
        ("hash", "openssl", ["idna"]),
    ]
    assert shape(data) == shape(DiffSerializer(data).data)


def test_the_api_filters_and_writes_markdown(api, viewer, second):
    caller, url = api(viewer), reverse("api-diff")
    both = {"from": "team/science/1", "to": "team/science/2"}
    assert [each["name"] for each in caller.get(url, both | {"kind": "up"}).json()["packages"]] == ["idna"]
    answer = caller.get(url, both | {"form": "markdown"})
    assert (answer.headers["Content-Type"], answer.content[:16]) == (
        "text/markdown; charset=utf-8",
        b"## `Version 1` \xe2",
    )
    assert caller.get(url, {"from": "team/science/1"}).json() == {"to": [f"This is required. {sides.HELP}"]}


def test_the_way_back_is_the_mirror_on_the_page_too(get, second):
    there, back = (
        get(reverse("api-environment-diff", args=E), from_=a, to=b).json() for a, b in (("1", "2"), ("2", "1"))
    )
    assert there["summary"]["growth"] == -back["summary"]["growth"]
    assert [(each["before"], each["after"]) for each in sorted(there["packages"], key=lambda each: each["name"])] == [
        (each["after"], each["before"]) for each in sorted(back["packages"], key=lambda each: each["name"])
    ]
    assert (
        'href="/workspaces/team/environments/science/diff/?from=2&amp;to=1"' in get(from_="1", to="2").content.decode()
    )


@pytest.fixture
def pythons(db):
    from builds import worker

    worker.report_pythons("w")


def test_a_draft_is_compared_with_the_latest_version(client, editor, environment, wanted, pythons):
    built(environment, editor, wanted("idna==3.9", python=HERE), pip("idna", "3.9"))
    client.force_login(editor)
    url = reverse("draft-diff", args=E)
    draft = {"pip_name": ["idna"], "pip_constraint": ["==3.10"], "python": HERE}
    text = text_of(client.post(url, draft))
    assert "Version 1 → Draft of version 2" in text
    assert "Up idna 3.9 3. 10 minor" in text
    part = client.post(url, draft, headers={"HX-Request": "true"}).content.decode().strip()
    assert part.startswith('<div class="stack" id="draft-diff">')
    answer = client.post(
        reverse("api-environment-diff", args=E),
        {"definition": wanted("idna==3.10", python=HERE).document},
        "application/json",
    )
    assert answer.json()["to"]["reference"] == "draft"
    assert [(each["kind"], each["name"]) for each in answer.json()["packages"]] == [("up", "idna")]


def test_a_draft_that_cannot_be_resolved_says_why(client, editor, environment, wanted, pythons):
    built(environment, editor, wanted("idna==3.9", python=HERE), pip("idna", "3.9"))
    client.force_login(editor)
    text = text_of(
        client.post(reverse("draft-diff", args=E), {"pip_name": ["idna"], "pip_constraint": ["==99"], "python": HERE})
    )
    assert "The packages are not compared" in text
    assert "idna" in text
    wrong = client.post(reverse("draft-diff", args=E), {"pip_name": ["id na"], "pip_constraint": [""], "python": HERE})
    assert wrong.status_code == 422


def test_equal_digests_are_not_even_looked_at():
    one = Side("a", "A", digest="x", packages=(pip("a"),))
    assert Comparison(one, Side("b", "B", digest="x", packages=())).packages == []
