import pytest
from django.core.cache import cache
from django.urls import reverse

from builds import timeline
from builds.tests.diff_cast import built, conda, pip


@pytest.fixture
def versions(environment, editor, wanted):
    """Six versions; the third was never built."""
    locks = [
        [pip("idna", "3.9"), pip("six", direct=False)],
        [pip("idna", "3.10"), pip("six", direct=False), pip("rich")],
        None,
        [pip("idna", "3.10"), conda("six", direct=False), pip("rich", sha256="b")],
        [pip("idna", "3.10"), conda("six", direct=False), pip("rich", sha256="b")],
        [pip("idna", "4.0"), pip("rich", sha256="b")],
    ]
    for number, lock in enumerate(locks, 1):
        if lock is None:
            environment.register(wanted(f"idna=={number}"), editor)
        else:
            built(environment, editor, wanted(f"idna=={number}"), *lock)
    return list(environment.versions.order_by("-number"))


def words(environment, versions):
    return {number: (step.since, step.words) for number, step in timeline.steps(environment, versions).items()}


STEPS = {
    2: (1, "+1 ↑1"),
    4: (2, "⇄1, 1 hash changed"),
    5: (4, "no package changes"),
    6: (5, "−1 ↑1, 1 major"),
}


def test_each_version_says_what_it_changed_against_the_last_one_with_a_lock(environment, versions):
    assert words(environment, versions) == STEPS
    steps = timeline.steps(environment, versions)
    assert [number for number, step in steps.items() if step.is_alarming] == [4]
    assert [number for number, step in steps.items() if step.is_leap] == [4]


def test_a_page_in_the_middle_knows_what_came_before_it(environment, versions):
    assert words(environment, versions[1:3]) == {4: STEPS[4], 5: STEPS[5]}
    assert words(environment, versions[-1:]) == {}
    assert timeline.steps(environment, []) == {}


def test_what_was_counted_is_not_counted_again(environment, versions, editor, wanted, django_assert_num_queries):
    cache.clear()
    with django_assert_num_queries(3):
        words(environment, versions)
    with django_assert_num_queries(2):
        assert words(environment, versions) == STEPS
    seventh = built(environment, editor, wanted("idna==7"), pip("idna", "4.1"))
    with django_assert_num_queries(3):
        assert words(environment, [seventh, *versions]) == STEPS | {7: (6, "−1 ↑1")}


def test_a_version_that_is_built_anew_is_counted_anew(environment, versions, editor, wanted):
    assert words(environment, versions) == STEPS
    built(
        environment, editor, wanted("idna==6"), pip("idna", "3.10"), pip("rich", sha256="b"), conda("six", direct=False)
    )
    assert words(environment, versions)[6] == (5, "no package changes")


def test_the_page_shows_it_and_leads_to_the_diff(client, environment, versions, viewer):
    client.force_login(viewer)
    page = client.get(environment.get_absolute_url()).content.decode()
    for number, (since, said) in STEPS.items():
        assert f"?from={since}&amp;to={number}" in page
        assert said in page
    assert "since 2" in page
    assert "not built" in page


def test_the_api_says_the_same(api, environment, versions, viewer):
    rows = api(viewer).get(reverse("api-timeline", args=["team", "science"]), {"limit": 3}).json()
    seen = [(row["number"], row["since"], row["summary"]) for row in rows["results"]]
    assert seen == [(6, *STEPS[6]), (5, *STEPS[5]), (4, *STEPS[4])]
    assert rows["results"][2]["counts"] == {"moved": 1, "hash": 1}
    rest = api(viewer).get(rows["next"]).json()["results"]
    assert [(row["number"], row["since"], row["summary"]) for row in rest] == [
        (3, None, None),
        (2, *STEPS[2]),
        (1, None, None),
    ]


@pytest.mark.parametrize(
    ("manager", "name", "stops"),
    [
        ("pip", "idna", [(6, "up", "3.10", "4.0"), (2, "up", "3.9", "3.10"), (1, "added", "", "3.9")]),
        ("pip", "rich", [(4, "hash", "1.0", "1.0"), (2, "added", "", "1.0")]),
        ("pip", "six", [(4, "removed", "1.0", ""), (1, "added", "", "1.0")]),
        ("conda", "six", [(6, "removed", "1.0", ""), (4, "added", "", "1.0")]),
        ("pip", "nothing", []),
    ],
)
def test_a_package_has_its_own_history(client, environment, versions, viewer, manager, name, stops):
    client.force_login(viewer)
    answer = client.get(reverse("api-package", args=["team", "science", manager, name])).json()
    assert [(row["version"], row["kind"], row["before"], row["after"]) for row in answer["results"]] == stops
    assert (answer["next"], answer["without_lock"]) == (None, [3])
    page = client.get(reverse("package", args=["team", "science", manager, name])).content.decode()
    assert page.count('<tr data-change="') == len(stops)
    assert "1 version has no lock" in page
    if not stops:
        assert "Never installed" in page
    elif stops[0][1] == "removed":
        assert f"Left science with version {stops[0][0]}" in page


def test_a_long_history_has_pages(client, environment, editor, wanted):
    for number in range(1, 54):
        built(environment, editor, wanted(f"idna=={number}"), pip("idna", str(number)))
    client.force_login(editor)
    url = reverse("api-package", args=["team", "science", "pip", "idna"])
    first, second = client.get(url).json(), client.get(url, {"page": 2}).json()
    assert (len(first["results"]), first["next"]) == (50, 2)
    assert ([row["version"] for row in second["results"]], second["next"]) == ([3, 2, 1], None)


def test_a_page_of_versions_costs_the_same_however_long(client, environment, editor, wanted, django_assert_num_queries):
    client.force_login(editor)
    for number in (1, 2, 3, 4):
        built(environment, editor, wanted(f"idna=={number}"), pip("idna", str(number)))
        if number in (2, 4):
            cache.clear()
            with django_assert_num_queries(15):
                client.get(environment.get_absolute_url())
