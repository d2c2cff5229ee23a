"""What pages and the API say of the packages of a lock."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from builds.advisories import Assessment, Difference
from builds.comparison import Comparison, Side
from builds.models import AdvisoryImport, Ignored
from builds.tests.advisory_cast import JINJA, MALICE, URLLIB, URLLIB_TOO
from builds.tests.diff_cast import built, conda, pip
from environments.faults import UserFault

FORGE = "https://channels.example.org/conda-forge"
BAD = pip("jinja2", "3.1.5")
GOOD = pip("jinja2", "3.1.6")


def text_of(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode())).replace(" ,", ",").replace(" .", ".")


def tomorrow(days=1):
    return timezone.localdate() + timedelta(days=days)


@pytest.fixture
def locked(environment, editor, wanted):
    """Versions with a good build of these packages, one for each list."""
    numbers = iter(range(100))
    return lambda *packages: built(environment, editor, wanted(f"idna=={next(numbers)}"), *packages)


@pytest.fixture
def ignore(advisories, owner):
    """Ignore the advisory about jinja2."""
    from builds.models import Advisory

    def ignore(workspace, reason="No templates of others", until=None, name=JINJA):
        return Ignored.objects.ignore(Advisory.objects.get(osv_id=name), workspace, reason, until or tomorrow(), owner)

    return ignore


def test_before_any_import_nothing_is_assessed(locked):
    packages = locked(BAD).builds.get().lock.packages.all()
    found = Assessment(packages)
    assert (found.state, found.of(packages[0]), found.findings, found.unassessed) == ("not assessed", None, [], 1)
    assert found.as_data() == {"state": "not assessed", "imported": None, "not_assessed": 1, "known": []}


def test_a_package_is_known_none_known_or_not_assessed(locked, advisories, workspace):
    packages = [BAD, pip("idna"), conda("openssl", channel=FORGE), conda("jinja2", "3.1.5", channel="x/ours")]
    locked(*packages)
    found = Assessment(packages, workspace)
    said = [found.of(package) for package in packages]
    assert [len(one) if one is not None else None for one in said] == [1, 0, None, None]
    assert (found.state, found.unassessed, found.assessed) == ("partly assessed", 2, 2)
    finding = said[0][0]
    assert (finding.advisory.osv_id, finding.fixed, finding.level) == (JINJA, "3.1.6", "error")


def test_a_channel_that_is_not_certain_borrows_no_answer_from_one_that_is(locked, advisories):
    certain, other = conda("jinja2", "3.1.5", channel=FORGE), conda("jinja2", "3.1.5", channel="x/ours")
    locked(certain)
    assert len(Assessment([certain]).of(certain)) == 1
    assert Assessment([other]).of(other) is None


def test_two_advisories_about_the_same_cve_are_one_finding(locked, advisories):
    package = pip("urllib3", "1.26.16")
    locked(package)
    [finding] = Assessment([package]).findings
    assert (finding.advisory.osv_id, finding.advisory.severity) == (URLLIB, "medium")
    assert finding.others == ["CVE-2023-43804", URLLIB_TOO]


def test_an_advisory_is_ignored_where_somebody_said_so_and_until_then(locked, ignore, workspace, stranger):
    locked(BAD)
    ignore(workspace)
    here, elsewhere = Assessment([BAD], workspace), Assessment([BAD], stranger.memberships.get().workspace)
    assert [len(here.open), len(here.ignored), len(elsewhere.open), len(elsewhere.ignored)] == [0, 1, 1, 0]
    assert here.findings[0].ignored.reason == "No templates of others"
    Ignored.objects.update(until=tomorrow(-1))
    assert len(Assessment([BAD], workspace).open) == 1


def test_what_is_ignored_everywhere_is_ignored_in_each_workspace(locked, ignore, workspace):
    locked(BAD)
    ignore(None)
    assert Assessment([BAD], workspace).as_data()["known"][0]["ignored"] == {
        "reason": "No templates of others",
        "by": "olga",
        "until": tomorrow().isoformat(),
        "everywhere": True,
    }


def test_whoever_ignores_it_anew_ends_what_was_said_before(ignore, workspace, owner):
    first, second = ignore(workspace), ignore(workspace, "Another")
    first.refresh_from_db()
    assert (first.is_in_force, first.ended_by, second.is_in_force) == (False, owner, True)


@pytest.mark.parametrize(("fields", "at"), [({"reason": " "}, "reason"), ({"until": tomorrow(-1)}, "until")])
def test_ignoring_needs_a_reason_and_a_day_to_come(ignore, workspace, fields, at):
    with pytest.raises(UserFault) as fault:
        ignore(workspace, **fields)
    assert fault.value.field == at
    assert not Ignored.objects.exists()


# In a diff


def difference(old, new):
    sides = [Side("x", "x", packages=tuple(packages)) for packages in (old, new)]
    return Difference(Comparison(*sides))


def ids(findings):
    return [finding.advisory.osv_id for finding in findings]


def test_a_diff_says_what_is_fixed_and_introduced_and_the_way_back_is_its_mirror(locked, advisories):
    old, new = [BAD, pip("idna")], [GOOD, pip("reqeusts", "1.0.0"), pip("idna")]
    locked(*old), locked(*new)
    there, back = difference(old, new), difference(new, old)
    assert (ids(there.fixed), ids(there.introduced), there.state) == ([JINJA], [MALICE], "assessed")
    assert (ids(back.fixed), ids(back.introduced)) == ([MALICE], [JINJA])


def test_what_stays_is_neither_fixed_nor_introduced(locked, advisories):
    old, new = [pip("jinja2", "3.1.4")], [conda("jinja2", "3.1.5", channel=FORGE)]
    locked(*old), locked(*new)
    found = difference(old, new)
    assert (ids(found.fixed), ids(found.introduced), found.state) == ([], [], "assessed")


def test_what_nobody_assessed_fixes_nothing(locked, advisories):
    old, new = [BAD, pip("idna", "1")], [conda("jinja2", "3.1.6", channel="x/ours"), pip("idna", "2")]
    locked(*old)
    found = difference(old, new)
    assert (ids(found.fixed), ids(found.introduced), found.state) == ([], [], "partly assessed")


@pytest.mark.parametrize(
    ("new", "state"),
    [([BAD], "assessed"), ([conda("openssl")], "partly assessed"), ([BAD, conda("openssl")], "not assessed")],
)
def test_a_diff_says_what_it_does_not_know(advisories, new, state):
    assert difference([BAD], new).state == state


def test_a_diff_before_any_import_is_not_assessed(db):
    assert difference([BAD], [GOOD]).as_data() == {"state": "not assessed", "fixed": None, "introduced": None}


def test_the_page_of_a_diff_shows_them(client, locked, advisories, editor):
    locked(BAD), locked(GOOD)
    client.force_login(editor)
    page = text_of(client.get(reverse("environment-diff", args=["team", "science"])))
    assert f"Fixed {JINJA} in jinja2 3.1.5: High 7.8, fixed in 3.1.6, more" in page
    assert "Introduced none known" in page
    address = reverse("api-environment-diff", args=["team", "science"])
    data = client.get(address).json()["advisories"]
    assert (data["state"], [each["id"] for each in data["fixed"]], data["introduced"]) == ("assessed", [JINJA], [])
    text = client.get(address, {"form": "markdown"}).content.decode()
    assert f"- Fixed: `{JINJA}` in `jinja2 3.1.5`, high, fixed in `3.1.6`" in text


# On pages and in the API


def test_the_pages_of_a_version_and_a_build_say_what_is_known(client, locked, advisories, ignore, workspace, editor):
    version = locked(BAD, pip("urllib3", "1.26.16"), conda("openssl"))
    ignore(workspace)
    client.force_login(editor)
    for address in (version.get_absolute_url(), version.builds.get().get_absolute_url()):
        page = text_of(client.get(address))
        assert "Advisories 1 known, 1 ignored" in page
        assert f"{URLLIB} in urllib3 1.26.16: Medium 5.9, fixed in 1.26.17, more" in page
        assert f"Ignored by olga until {tomorrow():%-d %b %Y}: No templates of others" in page
        assert "1 package not assessed" in page


def test_the_page_of_a_version_before_any_import_says_not_assessed(client, locked, editor):
    client.force_login(editor)
    page = text_of(client.get(locked(BAD).get_absolute_url()))
    assert "Advisories not assessed No advisories were imported yet" in page


def test_the_page_says_none_known_only_of_what_was_assessed(client, locked, advisories, editor):
    client.force_login(editor)
    page = text_of(client.get(locked(GOOD, conda("openssl")).get_absolute_url()))
    assert "0 known" in page
    assert "None known in 1 package. 1 package not assessed" in page
    page = text_of(client.get(locked(conda("openssl")).get_absolute_url()))
    assert "None known" not in page
    assert "Advisories not assessed" in page


def test_the_api_of_a_build_says_the_same(api, locked, advisories, editor):
    build = locked(BAD, conda("openssl")).builds.get()
    data = api(editor).get(reverse("api-build", args=[build.pk])).json()["advisories"]
    assert (data["state"], data["not_assessed"]) == ("partly assessed", 1)
    assert data["known"] == [
        {
            "id": JINJA,
            "aliases": ["CVE-2025-27516"],
            "manager": "pip",
            "package": "jinja2",
            "version": "3.1.5",
            "severity": "high",
            "score": 7.8,
            "vector": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
            "summary": "Jinja2 vulnerable to sandbox breakout through attr filter selecting format method",
            "fixed": "3.1.6",
            "url": "https://nvd.example.org/vuln/detail/CVE-2025-27516",
            "ignored": None,
        }
    ]


def test_advisories_are_found_by_package_alias_and_severity(client, advisories, editor):
    client.force_login(editor)

    def found(**asked):
        answer = client.get(reverse("api-advisories"), asked)
        assert answer.json()["imported"]["advisories"] == 4
        return sorted(each["id"] for each in answer.json()["results"])

    assert found(package="Jinja2") == [JINJA]
    assert found(name="cve-2023-43804") == [URLLIB, URLLIB_TOO]
    assert found(severity="medium") == [URLLIB]
    assert found(package="numpy") == []
    assert client.get(reverse("api-advisories"), {"severity": "x"}).status_code == 400
    assert client.get(reverse("advisories"), {"package": "a\0"}).status_code == 422
    page = text_of(client.get(reverse("advisories"), {"package": "jinja2"}))
    assert "4 advisories about packages of PyPI" in page
    assert JINJA in page


def test_the_page_before_any_import_and_after_one_that_failed(client, editor):
    client.force_login(editor)
    assert "every package is “not assessed”" in text_of(client.get(reverse("advisories")))
    AdvisoryImport.objects.create(source="x", fault="The address answers 404.")
    assert "The address answers 404." in text_of(client.get(reverse("advisories")))


def test_the_page_of_an_advisory_says_what_is_affected_and_who_ignores_it(client, ignore, workspace, editor, stranger):
    ignore(workspace)
    client.force_login(editor)
    page = text_of(client.get(reverse("advisory", args=["CVE-2025-27516"])))
    assert "jinja2 &lt; 3.1.6" in page
    assert "team No templates of others" in page
    client.force_login(stranger)
    assert "No templates" not in text_of(client.get(reverse("advisory", args=[JINJA])))
    assert client.get(reverse("api-advisory", args=[JINJA])).json()["ignored"] == []
    assert client.get(reverse("advisory", args=["CVE-1999-0001"])).status_code == 404


def test_an_owner_ignores_an_advisory_and_takes_it_back(client, advisories, workspace, owner):
    client.force_login(owner)
    address = reverse("advisory-ignore", args=["team", JINJA])
    answer = client.post(address, {"reason": "", "until": tomorrow().isoformat()})
    assert (answer.status_code, "whoever sees the advisory reads it" in answer.content.decode()) == (422, True)
    answer = client.post(address, {"reason": "Kept words", "until": "2001-01-01"})
    assert (answer.status_code, "Kept words" in answer.content.decode()) == (422, True)
    assert client.post(address, {"reason": "Because", "until": tomorrow().isoformat()}).status_code == 302
    row = Ignored.objects.get()
    assert (row.workspace, row.by, row.reason, row.is_in_force) == (workspace, owner, "Because", True)
    assert "It is ignored there until" in text_of(client.get(address))
    assert client.post(address, {"end": "1"}).status_code == 302
    row.refresh_from_db()
    assert (row.is_in_force, row.ended_by) == (False, owner)


def test_an_administrator_ignores_it_everywhere(api, advisories, person):
    root = api(person("root", is_superuser=True))
    address = reverse("api-advisory-ignore-everywhere", args=[JINJA])
    body = {"reason": "Because", "until": tomorrow().isoformat()}
    answer = root.put(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["workspace"], answer.json()["is_in_force"]) == (200, None, True)
    assert root.put(address, body | {"until": "2001-01-01"}, content_type="application/json").status_code == 400
    assert root.delete(address).status_code == 204
    assert root.delete(address).status_code == 409
