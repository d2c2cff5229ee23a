import pytest
from django.urls import reverse

from environments.models import Environment, Interpreter

NEW = "/workspaces/team/new/"


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def filled(**changes):
    data = {
        "name": "science",
        "description": "For the paper",
        "python": "",
        "channels": "",
        "requirements": "",
        "pip_name": ["numpy", "pandas", ""],
        "pip_constraint": ["==2.1.0", "", ""],
    }
    return data | changes


def dependencies(environment):
    return environment.latest.document["python"]["condaDependencies"]["dependencies"]


def test_a_new_environment_gets_its_first_version(signed_in, workspace):
    answer = signed_in.post(NEW, filled(python="3.11"))
    environment = Environment.objects.get()
    assert answer.headers["Location"] == reverse("version", args=["team", "science", 1])
    assert (environment.name, environment.description, environment.latest_number) == ("science", "For the paper", 1)
    assert dependencies(environment) == ["python=3.11", "pip", {"pip": ["numpy==2.1.0", "pandas"]}]


def test_register_and_build_leads_to_the_build(signed_in, workspace):
    answer = signed_in.post(NEW, filled(build="1"))
    build = Environment.objects.get().latest.builds.get()
    assert answer.headers["Location"] == build.get_absolute_url()
    assert (build.status, build.asked_by.username) == ("queued", "edgar")


def test_a_pasted_requirements_file_and_conda_rows_become_packages_too(signed_in, workspace):
    data = filled(
        requirements="# mine\nrich>=13\n",
        conda_name=["gdal"],
        conda_constraint=[">=3.8"],
        channels="conda-forge, other",
    )
    signed_in.post(NEW, data)
    environment = Environment.objects.get()
    assert dependencies(environment) == ["gdal>=3.8", "pip", {"pip": ["numpy==2.1.0", "pandas", "rich>=13"]}]
    assert environment.latest.definition.channels == ("conda-forge", "other")


def test_a_bare_number_means_this_version(signed_in, workspace):
    signed_in.post(NEW, filled(pip_name=["numpy"], pip_constraint=["2.1.0"]))
    assert dependencies(Environment.objects.get())[-1] == {"pip": ["numpy==2.1.0"]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "two words"}, "Not allowed: a space"),
        ({"name": "a" * 300}, "at most 255 characters"),
        ({"name": "azureml-x"}, "reserved for curated environments"),
        ({"name": "taken"}, "team already has an environment named taken"),
        ({"python": "snake"}, "is no version"),
        ({"python": "3.6"}, "Python 3.6 is not on this portal. There are 3.11.7"),
        ({"pip_name": ["numpy"], "pip_constraint": ["=2"]}, "pip writes =="),
        ({"pip_name": ["-r more.txt"], "pip_constraint": [""]}, "The option -r is not accepted"),
        ({"pip_name": [""], "pip_constraint": [">=2"]}, "A package needs a name"),
        ({"pip_name": ["pandas"], "pip_constraint": ["-stubs"]}, "“-stubs” is no constraint"),
        ({"pip_name": ["num"], "pip_constraint": ["py"]}, "“py” is no constraint"),
        ({"conda_name": ["num"], "conda_constraint": ["py"]}, "“py” is no constraint"),
        ({"conda_name": ["python"], "conda_constraint": ["3.6"], "python": ""}, "Python 3.6 is not on this portal"),
        ({"requirements": "numpy\n--no-binary numpy"}, "Line 2: The option --no-binary is not accepted"),
        ({"conda_name": ["a b c"], "conda_constraint": [""]}, "cannot be read as a conda package"),
    ],
)
def test_bad_input_is_said_at_its_place_and_nothing_typed_is_lost(signed_in, workspace, editor, changes, says):
    workspace.add_environment("taken", editor)
    Interpreter.objects.create(worker="w", version="3.11.7", path="/usr/bin/python3.11")
    data = filled(description="A long story", **changes)
    answer = signed_in.post(NEW, data)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page.replace("&#x27;", "'")
    assert "A long story" in page
    for typed in [data["name"], data["python"], *data["pip_name"], *data["pip_constraint"]]:
        assert f'value="{typed}"'.replace(">", "&gt;") in page or not typed
    assert list(Environment.objects.values_list("name", flat=True)) == ["taken"]


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        ("add-pip", ["numpy", "pandas", "", ""]),
        ("remove-pip-0", ["pandas", ""]),
        ("remove-pip-99", ["numpy", "pandas", ""]),
        ("nonsense", ["numpy", "pandas", ""]),
        ("remove-pip-²", ["numpy", "pandas", ""]),
        ("a-b-c-d-e", ["numpy", "pandas", ""]),
        ("add-pip-1-2", ["numpy", "pandas", ""]),
        ("remove-pip--1", ["numpy", "pandas", ""]),
        ("remove-pip-" + "9" * 5000, ["numpy", "pandas", ""]),
    ],
)
def test_rows_are_added_and_removed_without_script_and_nothing_is_checked_yet(signed_in, workspace, edit, names):
    answer = signed_in.post(NEW, filled(name="not a name", edit=edit))
    assert answer.status_code == 200
    assert [row.name for row in answer.context["form"].pip] == names
    assert answer.context["form"]["name"].value() == "not a name"
    assert not Environment.objects.exists()


def test_htmx_gets_the_rows_alone(signed_in, workspace):
    page = signed_in.post(NEW, filled(edit="add-pip"), headers={"HX-Request": "true"}).content.decode()
    assert page.strip().startswith('<div class="split" id="packages">')


def test_a_paste_turns_into_rows(signed_in, workspace):
    form = signed_in.post(NEW, filled(requirements="rich>=13\n", edit="read")).context["form"]
    assert [(row.name, row.constraint) for row in form.pip] == [("numpy", "==2.1.0"), ("pandas", ""), ("rich", ">=13")]
    assert form["requirements"].value() == ""


def test_a_paste_that_cannot_be_read_stays_with_its_lines_named(signed_in, workspace):
    answer = signed_in.post(NEW, filled(requirements="rich\n-e .", edit="read"))
    assert answer.context["form"]["requirements"].value() == "rich\n-e ."
    assert "Line 2: The option -e is not accepted" in answer.content.decode()


def test_more_lines_than_a_form_has_rows_are_registered_as_they_stand(signed_in, workspace):
    text = "".join(f"package-{n}\n" for n in range(1001))
    answer = signed_in.post(NEW, filled(requirements=text, edit="read"))
    assert "1,001 packages are too many for rows" in answer.content.decode()
    assert answer.context["form"]["requirements"].value() == text
    signed_in.post(NEW, filled(requirements=text))
    assert len(Environment.objects.get().latest.definition.pip) == 1003


def test_odd_names_of_variables_break_no_page(signed_in, workspace, editor, wanted):
    environment = workspace.add_environment("science", editor)
    version, _ = environment.register(wanted("idna", environmentVariables={"items": "xyz", "a b": ""}), editor)
    assert "items=xyz" in signed_in.get(version.get_absolute_url()).content.decode()


def test_a_new_version_starts_from_the_latest_and_keeps_what_the_form_does_not_show(
    signed_in, environment, editor, wanted
):
    base = wanted("idna==3.10", conda=["gdal"], docker={"baseImage": "python:3.11"}, environmentVariables={"A": "1"})
    environment.register(base, editor)
    url = reverse("new-version", args=["team", "science"])
    form = signed_in.get(url).context["form"]
    assert [(row.name, row.constraint) for row in form.pip] == [("idna", "==3.10")]
    assert [row.name for row in form.conda] == ["gdal"]
    assert form["python"].value() == "3.11"
    signed_in.post(url, {"python": "3.11", "pip_name": ["idna"], "pip_constraint": ["==3.9"], "message": "Older"})
    latest = environment.latest
    assert (latest.number, latest.message) == (2, "Older")
    assert latest.document["docker"] == {"baseImage": "python:3.11"}
    assert latest.document["environmentVariables"] == {"A": "1"}


def test_registering_the_same_again_says_so(signed_in, version):
    data = {"python": "3.11", "channels": "conda-forge", "pip_name": ["idna"], "pip_constraint": ["==3.10"]}
    answer = signed_in.post(reverse("new-version", args=["team", "science"]), data, follow=True)
    assert "Nothing changed: this is version 1 already." in answer.content.decode()


def test_the_list_finds_by_name_description_and_state(signed_in, workspace, environment, editor):
    workspace.add_environment("other", editor, "Something else")
    found = lambda **query: [e.name for e in signed_in.get("/workspaces/team/", query).context["page"]]  # noqa: E731
    assert found() == ["other", "science"]
    assert found(q="PAPER") == ["science"]
    assert found(q="nothing") == []
    assert found(state="none") == ["other", "science"]
    assert found(state="succeeded") == []
    assert found(q="\0") == ["other", "science"]
    assert found(page="x", state="y") == ["other", "science"]
    assert found(page="99") == ["other", "science"]


def test_an_empty_workspace_teaches_the_next_step(signed_in, workspace):
    assert "An environment is a name with numbered versions" in signed_in.get("/workspaces/team/").content.decode()


def test_a_viewer_is_offered_nothing_that_is_not_allowed(client, viewer, version):
    client.force_login(viewer)
    for path in (
        "/workspaces/team/",
        environment_url := version.environment.get_absolute_url(),
        version.get_absolute_url(),
    ):
        page = client.get(path).content.decode()
        assert "New version" not in page
        assert "New environment" not in page
        assert "/build/" not in page
    assert environment_url


def test_what_a_person_wrote_is_shown_as_text(signed_in, workspace, editor, wanted):
    environment = workspace.add_environment("science", editor, "<script>alert(1)</script>")
    version, _ = environment.register(wanted("idna", environmentVariables={"A": "<b>"}), editor, "<i>")
    for path in ("/workspaces/team/", environment.get_absolute_url(), version.get_absolute_url()):
        page = signed_in.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<i>" not in page
        assert "<b>" not in page.replace("Signed in as <b>", "")


def test_no_page_allows_inline_script_or_foreign_hosts(signed_in, workspace):
    policy = signed_in.get("/workspaces/team/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
