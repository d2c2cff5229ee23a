"""The pages of the shelf: choosing, taking with a package more, and what curators do."""

from datetime import date

import pytest

from builds.models import Build
from environments.models import Curation, Environment
from events.models import Event, Verb


@pytest.fixture
def use(client, curated, editor, workspace):
    """Take the curated environment by its form; say less or other than this: use(name="")."""
    client.force_login(editor)
    said = {"workspace": "team", "name": "mine", "packages": "rich==13.0", "make": "1"}
    return lambda **other: client.post("/curated/AzureML-Minimal/use/", said | other)


def page(client, url, status=200):
    answer = client.get(url)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_shelf_shows_what_may_be_used_and_filters(client, viewer, curated, curate):
    curate("AzureML-Boost", "lightgbm", tags={"hardware": "GPU"})
    curate("AzureML-Gone", "idna", stage="archived")
    client.force_login(viewer)
    for query, there, gone in (
        ("", ["AzureML-Minimal", "AzureML-Boost"], ["AzureML-Gone"]),
        ("?q=lightgbm", ["AzureML-Boost"], ["AzureML-Minimal"]),
        ("?hardware=GPU", ["AzureML-Boost"], ["AzureML-Minimal"]),
        ("?stage=archived", ["AzureML-Gone"], ["AzureML-Boost"]),
        ("?stage=x&page=x", ["AzureML-Minimal"], ["AzureML-Gone"]),
    ):
        found = page(client, f"/curated/{query}")
        assert all(f">{name}</a></h2>" in found for name in there)
        assert not any(f">{name}</a></h2>" in found for name in gone)
    assert "No curated environment matches" in page(client, "/curated/?q=nothing")


def test_home_offers_it(client, viewer, curated):
    client.force_login(viewer)
    assert curated.environment.get_absolute_url() in page(client, "/")


def test_its_page_is_the_same_under_the_name_of_a_workspace(client, viewer, curated):
    client.force_login(viewer)
    for url in (curated.environment.get_absolute_url(), "/workspaces/team/environments/AzureML-Minimal/"):
        assert "idna" in page(client, url)
    assert client.get("/workspaces/curated/").headers["Location"] == "/curated/"


def test_a_package_more_is_one_step_and_it_remembers_its_origin(use, curated):
    answer = use()
    made = Environment.objects.get(name="mine")
    assert answer.headers["Location"] == made.latest.get_absolute_url()
    assert made.workspace.name == "team"
    assert made.latest.origin == curated
    assert [line.canonical for line in made.latest.definition.pip] == ["idna==3.10", "rich==13.0"]
    assert made.latest.message == "AzureML-Minimal 1 with rich==13.0"


def test_as_it_is(use, curated):
    use(packages="")
    assert Environment.objects.get(name="mine").latest.image_key == curated.image_key


def test_another_version_of_what_it_has_takes_its_place(use):
    use(packages="# newer\nIdna==3.9\n")
    assert [line.canonical for line in Environment.objects.get(name="mine").latest.definition.pip] == ["idna==3.9"]


def test_made_and_built(use):
    answer = use(build="1")
    assert answer.headers["Location"] == Build.objects.get().get_absolute_url()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"name": "AzureML-mine"}, "Names that begin with AzureML are reserved"),
        ({"name": "a b"}, "Not allowed: a space"),
        ({"name": ""}, "An environment needs a name"),
        ({"packages": "idna=="}, "cannot be read as a package"),
        ({"packages": "--nonsense"}, "The option --nonsense is not accepted"),
        ({"workspace": "elsewhere"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(use, stranger, other, words):
    answer = use(**other)
    assert answer.status_code == 422
    found = answer.content.decode()
    assert words in found
    assert (other.get("packages") or "rich==13.0") in found
    assert not Environment.objects.filter(name="mine").exists()


def test_a_name_that_is_taken(use, environment):
    assert "team already has an environment named science" in use(name="science").content.decode()


def test_whoever_edits_nothing_is_told_what_is_needed(client, viewer, curated):
    client.force_login(viewer)
    found = page(client, curated.environment.get_absolute_url())
    assert "you have to be an editor of a workspace" in found
    assert "Lifecycle</a>" not in found


# Curators


def test_a_curator_changes_its_life(client, curator, curated, curate):
    curate("AzureML-Next", "idna")
    client.force_login(curator)
    url = "/curated/AzureML-Minimal/lifecycle/"
    assert "Lifecycle of AzureML-Minimal" in page(client, url)
    said = {"description": "Ours", "tags": "hardware=CPU\n", "stage": "deprecated", "ends": "2999-01-31"}
    answer = client.post(url, said | {"reason": "Old.", "successor": "AzureML-Next"})
    assert answer.headers["Location"] == curated.environment.get_absolute_url()
    curation = Curation.objects.with_subject().get(environment=curated.environment)
    assert (curation.stage, curation.ends, curation.successor.name) == ("deprecated", date(2999, 1, 31), "AzureML-Next")
    assert (curation.environment.tags, curation.environment.description) == ({"hardware": "CPU"}, "Ours")
    assert Event.objects.filter(verb=Verb.CHANGED, object="AzureML-Minimal", person="carla").count() == 1
    assert "It is archived after 31 January 2999. Old." in page(client, curated.environment.get_absolute_url())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"stage": "deprecated"}, "Say which day is the last one"),
        ({"stage": "deprecated", "ends": "2999-01-31"}, "Say why"),
        ({"tags": "=CPU"}, "Line 1: A tag needs a key"),
        ({"successor": "AzureML-Minimal"}, "Select a valid choice"),
        ({"ends": "soon"}, "Enter a valid date"),
    ],
)
def test_a_life_that_cannot_be_is_said_at_its_field(client, curator, curated, other, words):
    client.force_login(curator)
    answer = client.post("/curated/AzureML-Minimal/lifecycle/", {"stage": "current", "description": "Typed"} | other)
    assert answer.status_code == 422
    found = answer.content.decode()
    assert words in found
    assert "Typed" in found
    curation = Curation.objects.with_subject().get()
    assert (curation.stage, curation.environment.description) == ("current", "")


def test_a_curator_makes_a_new_one_in_the_browser(client, curator, curated):
    client.force_login(curator)
    said = {"name": "science", "conda": curated.conda, "view": "text", "register": "1"}
    answer = client.post("/workspaces/curated/new/", said)
    assert answer.status_code == 422
    assert "The name of a curated environment begins with AzureML or Microsoft" in answer.content.decode()
    assert client.post("/workspaces/curated/new/", said | {"name": "AzureML-New"}).status_code == 302
    made = Environment.objects.get(name="AzureML-New")
    assert (made.curation.stage, made.latest.origin) == ("preview", None)


def test_a_curated_one_made_from_another_is_no_copy(client, curator, curated):
    client.force_login(curator)
    assert 'name="origin" value=""' in page(client, f"/workspaces/curated/new/?from={curated.reference}")


def test_what_ends_is_listed_with_who_uses_it(client, curator, viewer, stranger, curated, copy):
    client.force_login(viewer)
    assert "Nothing on the shelf is deprecated" in page(client, "/curated/endings/")
    curated.environment.curation.change(stage="deprecated", ends=date(2999, 1, 31), reason="Old.")
    # A curator sees it by its name, without a link that would lead nowhere.
    for person, name, link in ((viewer, True, True), (curator, True, False), (stranger, False, False)):
        client.force_login(person)
        found = page(client, "/curated/endings/")
        assert "AzureML-Minimal" in found
        assert ("mine 1" in found, copy.get_absolute_url() in found) == (name, link)


def test_builds_of_the_shelf_are_on_the_front_page_of_curators_alone(client, curator, viewer, curated, person):
    Build.objects.request(curated, curated.author)
    for who, sees in ((curator, True), (viewer, False)):
        client.force_login(who)
        assert ("1 in the queue" in page(client, "/")) is sees
