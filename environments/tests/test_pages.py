import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from builds.lock import Package
from builds.models import Build, Lock
from environments.drafts import Draft
from environments.editing import Editing
from environments.models import Environment, Interpreter, Workspace
from environments.policy import Policy

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
        "pip_name": ["numpy", "pandas", ""],
        "pip_constraint": ["==2.1.0", "", ""],
    }
    return data | changes


def dependencies(environment):
    return environment.latest.document["python"]["condaDependencies"]["dependencies"]


def pairs(rows):
    return [(row.name, row.constraint) for row in rows]


def test_a_new_environment_gets_its_first_version(signed_in, workspace):
    answer = signed_in.post(NEW, filled(python="3.11"))
    environment = Environment.objects.get()
    assert answer.headers["Location"] == reverse("version", args=["team", "science", 1])
    assert (environment.name, environment.description, environment.latest_number) == ("science", "For the paper", 1)
    assert dependencies(environment) == ["python=3.11", {"pip": ["numpy==2.1.0", "pandas"]}]


def test_register_and_build_leads_to_the_build(signed_in, workspace):
    answer = signed_in.post(NEW, filled(build="1"))
    build = Environment.objects.get().latest.builds.get()
    assert answer.headers["Location"] == build.get_absolute_url()
    assert (build.status, build.asked_by.username) == ("queued", "edgar")


def test_rows_become_lines_of_the_conda_file_that_is_kept(signed_in, workspace):
    data = filled(conda_name=["gdal"], conda_constraint=[">=3.8"], channel=["conda-forge", "other"])
    signed_in.post(NEW, data)
    version = Environment.objects.get().latest
    assert version.conda == (
        "channels:\n  - conda-forge\n  - other\n"
        "dependencies:\n  - gdal>=3.8\n  - pip:\n      - numpy==2.1.0\n      - pandas\n"
    )
    assert version.definition.channels == ("conda-forge", "other")


def test_a_bare_number_means_this_version(signed_in, workspace):
    signed_in.post(NEW, filled(pip_name=["numpy"], pip_constraint=["2.1.0"]))
    assert dependencies(Environment.objects.get())[-1] == {"pip": ["numpy==2.1.0"]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "An environment needs a name."),
        ({"name": "two words"}, "Not allowed: a space"),
        ({"name": "a" * 300}, "at most 255 characters"),
        ({"name": "azureml-x"}, "reserved for curated environments"),
        ({"name": "taken"}, "team already has an environment named taken"),
        ({"python": "snake"}, "is no version"),
        ({"pip_name": ["numpy"], "pip_constraint": ["=2"]}, "pip writes =="),
        ({"pip_name": ["-r more.txt"], "pip_constraint": [""]}, "names another file"),
        ({"pip_name": [""], "pip_constraint": [">=2"]}, "cannot be read as a package"),
        ({"pip_name": ["pandas"], "pip_constraint": ["-stubs"]}, "“pandas -stubs” cannot be read"),
        ({"pip_name": ["num"], "pip_constraint": ["py"]}, "“num py” cannot be read"),
        ({"conda_name": ["a b c"], "conda_constraint": [""]}, "cannot be read as a conda package"),
        ({"base": "baseImage", "base_image": "a b"}, "no name of an image"),
        ({"base": "baseDockerfile", "base_dockerfile": "RUN x"}, "begins with FROM"),
        ({"variable_name": ["A=B"], "variable_value": ["x"]}, "cannot be the name of a variable"),
        ({"rest": "{\n"}, "This is no JSON"),
        (
            {"rest": '{"docker": {"buildContext": 3}}', "base": "buildContext", "context_location": "x"},
            "docker.buildContext: must be an object",
        ),
    ],
)
def test_bad_input_is_said_at_its_place_and_nothing_typed_is_lost(signed_in, workspace, editor, changes, says):
    workspace.add_environment("taken", editor)
    data = filled(description="A long story", **changes)
    answer = signed_in.post(NEW, data)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page.replace("&#x27;", "'")
    assert "A long story" in page
    for typed in [data["name"], data["python"], *data["pip_name"], *data["pip_constraint"]]:
        assert f'value="{typed}"'.replace(">", "&gt;") in page or not typed
    assert list(Environment.objects.values_list("name", flat=True)) == ["taken"]


def test_a_python_that_no_worker_has_is_a_warning_that_names_those_there_are(signed_in, workspace):
    Interpreter.objects.create(worker="w", version="3.11.7", path="/usr/bin/python3.11")
    page = signed_in.post(NEW, filled(python="3.6", edit="check")).content.decode()
    assert "Python 3.6 is not on this portal, so a build fails. There are 3.11.7." in page


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
        ("fix-", ["numpy", "pandas", ""]),
        ("check", ["numpy", "pandas", ""]),
        ("restore", ["numpy", "pandas", ""]),
    ],
)
def test_rows_are_added_and_removed_without_script_and_nothing_is_judged_yet(signed_in, workspace, edit, names):
    answer = signed_in.post(NEW, filled(name="not a name", edit=edit))
    assert answer.status_code == 200
    assert [row.name for row in answer.context["editing"].rows.pip] == names
    assert answer.context["form"]["name"].value() == "not a name"
    assert not Environment.objects.exists()


def test_htmx_gets_the_part_that_changes(signed_in, workspace):
    whole = signed_in.post(NEW, filled(edit="add-pip"), headers={"HX-Request": "true"}).content.decode()
    assert whole.strip().startswith('<div id="definition" class="stack">')
    said = signed_in.post(NEW, filled(edit="check"), headers={"HX-Request": "true"}).content.decode()
    assert said.strip().startswith('<aside class="panel" id="findings"')
    assert 'id="said-pip-1" data-level="warning" hx-swap-oob="true"' in said


def test_a_package_moves_between_pip_and_conda_with_its_constraint(signed_in, workspace):
    rows = signed_in.post(NEW, filled(edit="move-pip-0")).context["editing"].rows
    assert (pairs(rows.conda), pairs(rows.pip)) == ([("numpy", "==2.1.0")], [("pandas", ""), ("", "")])
    data = {"conda_name": ["numpy", "scipy", "gdal"], "conda_constraint": ["=2.1", ">=1.2,<2", "=3=h_1"]}
    moved = [
        pairs(signed_in.post(NEW, data | {"edit": f"move-conda-{i}"}).context["editing"].rows.pip) for i in range(3)
    ]
    assert moved == [[("numpy", "==2.1.*")], [("scipy", ">=1.2,<2")], [("gdal", "==3")]]


def test_what_conda_has_no_word_for_is_said_when_a_package_moves_there(signed_in, workspace):
    data = {"pip_name": ["black[d]"], "pip_constraint": ["==23.1"], "edit": "move-pip-0"}
    editing = signed_in.post(NEW, data).context["editing"]
    assert editing.notice == "black lost its extras: conda has none."


def test_a_first_version_has_nothing_to_be_reviewed_against(signed_in, workspace):
    answer = signed_in.post(NEW, filled(review="1"))
    assert answer.templates[0].name == "environments/editor.html"
    assert not Environment.objects.exists()


def test_what_comes_from_an_address_cannot_move_to_conda(signed_in, workspace):
    data = {"pip_name": ["x @ https://example.org/x-1-py3-none-any.whl"], "pip_constraint": [""], "edit": "move-pip-0"}
    editing = signed_in.post(NEW, data).context["editing"]
    assert editing.notice.endswith("is not a package that conda could provide, so it stays with pip.")
    assert len(editing.rows.pip) == 1


def test_channels_are_ordered_added_and_removed(signed_in, workspace):
    data = {"channel": ["a", "b", "c"], "channel_at": ["", "", ""]}

    def order(edit):
        rows = signed_in.post(NEW, data | {"edit": edit}).context["editing"].rows
        return [name for _, name in rows.channels]

    assert order("up-channel-2") == ["a", "c", "b"]
    assert order("down-channel-0") == ["b", "a", "c"]
    assert order("up-channel-0") == ["a", "b", "c"]
    assert order("remove-channel-1") == ["a", "c"]
    assert order("add-channel") == ["a", "b", "c", ""]


FILE = """\
# for the paper
name: science
channels: [conda-forge]
dependencies:
  - python=3.11   # as the cluster has it
  # maths
  - numpy=2.1
  - pip
  - pip:
      - 'rich>=13'  # tables
"""


def as_text(**changes):
    return {"name": "science", "view": "text", "conda": FILE} | changes


def test_the_text_is_registered_as_it_stands_with_its_comments(signed_in, workspace):
    signed_in.post(NEW, as_text())
    version = Environment.objects.get().latest
    assert version.source == FILE
    assert version.document["python"]["condaDependencies"]["dependencies"] == [
        "python=3.11",
        "numpy=2.1",
        "pip",
        {"pip": ["rich>=13"]},
    ]


def test_switching_between_rows_and_text_loses_nothing(signed_in, workspace):
    rows = signed_in.post(NEW, as_text(edit="view-rows")).context["editing"]
    assert rows.rows.python == "3.11"
    assert pairs(rows.rows.conda) == [("numpy", "=2.1"), ("pip", "")]
    assert pairs(rows.rows.pip) == [("rich", ">=13")]
    assert rows.draft.conda == FILE


def posted_of(editing, **changes):
    """What a browser posts from the rows that an answer shows."""
    rows = editing.rows
    data = {"view": "rows", "conda": editing.draft.conda, "python": rows.python, "name": "science"}
    data |= {"channel": [name for _, name in rows.channels], "channel_at": [at for at, _ in rows.channels]}
    for manager, items in (("conda", rows.conda), ("pip", rows.pip)):
        data |= {
            f"{manager}_name": [row.name for row in items],
            f"{manager}_constraint": [row.constraint for row in items],
            f"{manager}_at": [row.at for row in items],
            f"{manager}_was": [row.original for row in items],
        }
    return data | changes


def test_rows_change_only_the_lines_that_they_are_about(signed_in, workspace):
    shown = signed_in.post(NEW, as_text(edit="view-rows")).context["editing"]
    data = posted_of(shown, python="3.12", conda_constraint=["=2.2", ""], channel=["conda-forge", "mine"])
    data["channel_at"] = ["0", ""]
    signed_in.post(NEW, data)
    wanted = FILE.replace("python=3.11", "python=3.12").replace("numpy=2.1", "numpy=2.2")
    assert Environment.objects.get().latest.source == wanted.replace("[conda-forge]", "[conda-forge, mine]")


def test_an_error_in_the_text_stands_beside_its_line_and_the_text_stays(signed_in, workspace):
    broken = FILE + "  oops\n"
    answer = signed_in.post(NEW, as_text(conda=broken))
    assert answer.status_code == 422
    assert [(finding.code, finding.line) for finding in answer.context["editing"].findings] == [("yaml-invalid", 11)]
    assert answer.context["editing"].draft.conda == broken
    again = signed_in.post(NEW, as_text(conda=broken, edit="view-rows")).context["editing"]
    assert (again.view, again.has_rows) == ("text", False)


def test_one_click_applies_a_fix_in_both_views(signed_in, workspace):
    wrong = FILE.replace("numpy=2.1", "numpy=>2.1")
    for view in ("text", "rows"):
        editing = signed_in.post(NEW, as_text(conda=wrong, edit="check")).context["editing"]
        finding = next(finding for finding in editing.findings if finding.code == "conda-invalid")
        data = as_text(conda=wrong) if view == "text" else posted_of(Editing(Draft(wrong), Policy()))
        fixed = signed_in.post(NEW, data | {"edit": f"fix-{finding.key}"}).context["editing"]
        assert (fixed.view, fixed.draft.conda) == (view, FILE.replace("numpy=2.1", "numpy>=2.1"))


def test_a_fix_of_a_section_beside_the_text_is_one_click_too(signed_in, workspace):
    data = as_text(rest='{"docker": {"shmSize": "8g"}}')
    fixed = signed_in.post(NEW, data | {"edit": "fix-docker-attribute-deprecated@docker.shmSize"}).context["editing"]
    assert "shmSize" not in fixed.draft.rest
    assert fixed.draft.conda == FILE


@pytest.mark.parametrize(
    ("text", "what", "conda", "pip"),
    [
        ("rich>=13\n# why\nidna\n", "a pip requirements file", [("pip", "")], [("rich", ">=13"), ("idna", "")]),
        (FILE, "a conda environment file", [("numpy", "=2.1"), ("pip", "")], [("rich", ">=13")]),
        ('{"python": {"condaDependencies": {"dependencies": ["zlib"]}}}', "a definition of Azure Machine Learning", [("zlib", "")], []),
        ("FROM debian:bookworm\n", "a Dockerfile", [], []),
        ("image: debian:bookworm\nconda_file:\n  dependencies: [zlib]\n", "an environment of az ml", [("zlib", "")], []),
    ],
)  # fmt: skip
def test_a_paste_is_read_whatever_it_is(signed_in, workspace, text, what, conda, pip):
    editing = signed_in.post(NEW, {"paste": text, "edit": "read"}).context["editing"]
    assert editing.notice == f"Read as {what}."
    assert (pairs(editing.rows.conda), pairs(editing.rows.pip), editing.paste) == (conda, pip, "")


def test_a_pasted_dockerfile_becomes_the_base(signed_in, workspace):
    editing = signed_in.post(NEW, {"paste": "FROM debian:bookworm\nRUN true\n", "edit": "read"}).context["editing"]
    assert editing.docker["base"] == "baseDockerfile"
    assert editing.docker["base_dockerfile"] == "FROM debian:bookworm\nRUN true\n"


def test_comments_of_a_pasted_requirements_file_are_kept_and_faults_stand_at_their_lines(signed_in, workspace):
    editing = signed_in.post(NEW, {"paste": "# mine\nrich\n-e .\n", "edit": "read"}).context["editing"]
    assert editing.draft.conda == "dependencies:\n  - pip\n  - pip:\n      # mine\n      - rich\n      - -e .\n"
    assert [(finding.code, finding.line) for finding in editing.errors] == [("pip-path", 6)]


def test_the_packages_of_a_paste_are_added_to_those_that_are_there(signed_in, workspace):
    data = as_text(paste="channels: [other]\ndependencies: [numpy=2.1, gdal, {pip: [idna]}]", edit="add")
    editing = signed_in.post(NEW, data).context["editing"]
    assert editing.draft.conda == FILE.replace("[conda-forge]", "[conda-forge, other]").replace(
        "  - pip\n  - pip:", "  - pip\n  - gdal\n  - pip:"
    ) + "      - idna\n"  # fmt: skip


def test_what_cannot_be_read_at_all_stays_in_the_paste_with_its_reason(signed_in, workspace):
    answer = signed_in.post(NEW, {"paste": '{"a": \n', "edit": "read"})
    assert answer.context["editing"].paste == '{"a": \n'
    assert "This is no JSON" in answer.content.decode()


def test_an_upload_is_read_like_a_paste(signed_in, workspace):
    upload = SimpleUploadedFile("environment.yml", FILE.encode("utf-16"))
    editing = signed_in.post(NEW, {"upload": upload, "edit": "read"}).context["editing"]
    assert editing.draft.conda == FILE


def test_the_files_of_an_azure_folder_are_read_together(signed_in, workspace):
    uploads = [
        SimpleUploadedFile("azureml_environment.json", b'{"name": "old", "environmentVariables": {"A": "1"}}'),
        SimpleUploadedFile("conda_dependencies.yml", FILE.encode()),
        SimpleUploadedFile("BaseDockerfile", b"FROM debian:bookworm"),
    ]
    answer = signed_in.post(NEW, {"upload": uploads, "edit": "read"})
    editing = answer.context["editing"]
    assert (editing.draft.conda, editing.variables) == (FILE, [("A", "1")])
    assert editing.docker["base_dockerfile"] == "FROM debian:bookworm"
    assert answer.context["form"]["name"].value() == "old"


def test_the_files_of_an_azure_folder_are_found_among_all_that_was_in_it(signed_in, workspace):
    uploads = [SimpleUploadedFile(f"notes-{n}.txt", b"x") for n in range(50)]
    uploads.append(SimpleUploadedFile("azureml_environment.json", b'{"environmentVariables": {"A": "1"}}'))
    editing = signed_in.post(NEW, {"upload": uploads, "edit": "read"}).context["editing"]
    assert editing.variables == [("A", "1")]


def test_a_variable_of_several_lines_keeps_them(signed_in, workspace):
    data = filled(variable_name=["CERT", "A"], variable_value=["\none\r\ntwo\n", "1"], edit="check")
    page = signed_in.post(NEW, data).content.decode()
    assert 'rows="3" spellcheck="false">\n\none\ntwo\n</textarea>' in page
    assert page.count('<input name="variable_value"') == 1


def test_a_build_context_keeps_a_kind_that_is_new_here(signed_in, workspace):
    data = filled(base="buildContext", context_location="https://h.org/a.git", context_type="blobStore", edit="check")
    assert "<option selected>blobStore</option>" in signed_in.post(NEW, data).content.decode()


WOVEN = "dependencies: [numpy, # why\n  pandas]\n"


@pytest.fixture
def woven():
    """Rows of a text that they cannot be written into, one of them changed."""
    return filled(
        conda=WOVEN, conda_name=["numpy", "pandas"], conda_constraint=["=2", ""], conda_at=["0", "1"],
        conda_was=["numpy", "pandas"], pip_name=[], pip_constraint=[],
    )  # fmt: skip


def test_what_cannot_be_written_into_the_text_is_said_while_it_is_typed(signed_in, workspace, woven):
    answer = signed_in.post(NEW, woven | {"edit": "check"}, headers={"HX-Request": "true"})
    assert "only the text view can change" in answer.content.decode()


def test_rows_that_the_text_cannot_take_are_named_when_one_leaves_them(signed_in, workspace, woven):
    editing = signed_in.post(NEW, woven | {"edit": "view-text"}).context["editing"]
    assert (editing.view, editing.draft.conda, editing.fault) == ("text", WOVEN, "")
    assert editing.notice.endswith("Not taken over: numpy=2.")


def test_an_addition_that_adds_nothing_says_so(signed_in, workspace):
    editing = signed_in.post(NEW, as_text(paste="FROM debian:bookworm", edit="add")).context["editing"]
    assert editing.notice == "Nothing to add: a Dockerfile was read, and no package in it is new here."
    assert (editing.draft.conda, editing.paste) == (FILE, "FROM debian:bookworm")


def test_more_packages_than_a_form_has_rows_are_edited_as_text(signed_in, workspace):
    text = "".join(f"package-{n}\n" for n in range(1001))
    editing = signed_in.post(NEW, {"paste": text, "edit": "read"}).context["editing"]
    assert (editing.view, editing.has_rows) == ("text", False)
    signed_in.post(NEW, {"name": "science", "view": "text", "conda": editing.draft.conda})
    assert len(Environment.objects.get().latest.definition.pip) == 1001


def test_sections_beside_the_packages_are_registered(signed_in, workspace):
    data = as_text(
        base="baseImage",
        base_image="registry.example.org/base:1",
        registry="registry.example.org",
        os="Linux",
        architecture="arm64",
        variable_name=["A", ""],
        variable_value=["1", ""],
        rest='{"inferencingStackVersion": "latest", "python": {"interpreterPath": "py"}, "newer": [1]}',
    )
    signed_in.post(NEW, data)
    document = Environment.objects.get().latest.document
    section = document["python"].pop("condaDependencies")
    assert section["channels"] == ["conda-forge"]
    assert document == {
        "inferencingStackVersion": "latest",
        "python": {"interpreterPath": "py"},
        "newer": [1],
        "docker": {
            "baseImage": "registry.example.org/base:1",
            "baseImageRegistry": {"address": "registry.example.org"},
            "platform": {"os": "Linux", "architecture": "arm64"},
        },
        "environmentVariables": {"A": "1"},
    }


def test_an_editor_starts_from_another_environment_that_one_may_see(signed_in, workspace, version, stranger):
    editing = signed_in.get(NEW, {"from": "team/science/1"}).context["editing"]
    assert pairs(editing.rows.pip) == [("idna", "==3.10")]
    assert signed_in.get(NEW, {"from": "elsewhere/secret/1"}).status_code == 404
    assert signed_in.get(NEW, {"from": "team/science/9"}).status_code == 404
    assert signed_in.get(NEW, {"from": "nonsense"}).status_code == 200


def test_the_list_to_start_from_shows_what_one_may_see(signed_in, workspace, version, stranger):
    hidden = Workspace.objects.get(name="elsewhere").add_environment("secret", stranger)
    hidden.register(version.definition, stranger)
    found = lambda **query: [e.name for e in signed_in.get("/workspaces/team/new/from/", query).context["page"]]  # noqa: E731
    assert (found(), found(q="nothing")) == (["science"], [])


def test_a_review_shows_what_changes_before_anything_is_registered(signed_in, version):
    url = reverse("new-version", args=["team", "science"])
    shown = signed_in.get(url).context["editing"]
    data = posted_of(shown, pip_constraint=["==3.11"], message="Newer", review="1")
    answer = signed_in.post(url, data)
    changes = [(change.kind, change.name, change.before, change.after) for change in answer.context["editing"].changes]
    assert changes == [("changed", "idna", "==3.10", "==3.11")]
    assert "Newer" in answer.content.decode()
    assert version.environment.versions.count() == 1
    bad = signed_in.post(url, data | {"pip_constraint": ["=3"]})
    assert (bad.status_code, bad.templates[0].name) == (422, "environments/editor.html")


def test_comments_that_were_taken_out_are_another_version_too(signed_in, workspace, environment, editor):
    page = environment.get_absolute_url() + "new-version/"
    text = "dependencies:\n  - python=3.11\n  - numpy=1.26\n"
    for conda in ("# why\n" + text, text, text):
        signed_in.post(page, {"view": "text", "conda": conda})
    assert [version.conda for version in environment.versions.order_by("number")] == ["# why\n" + text, text]


def test_another_comment_is_another_version_that_installs_the_same(signed_in, workspace):
    signed_in.post(NEW, as_text())
    url = reverse("new-version", args=["team", "science"])
    signed_in.post(url, {"view": "text", "conda": FILE.replace("# maths", "# sums")})
    first, second = Environment.objects.get().versions.order_by("number")
    assert (first.identity, first.image_key) == (second.identity, second.image_key)
    assert "# sums" in second.source
    signed_in.post(url, {"view": "text", "conda": FILE})
    assert Environment.objects.get().versions.count() == 2


def test_a_fix_pins_to_what_the_last_build_locked(signed_in, version):
    lock = Lock.objects.store("3.11.7", "linux-64", [Package("pip", "idna", "3.10", "u", "0" * 64, 1, True)])
    build = version.builds.request(version, version.author)
    Build.objects.filter(pk=build.pk).update(status="succeeded", lock=lock, finished=timezone.now())
    url = reverse("new-version", args=["team", "science"])
    shown = signed_in.get(url).context["editing"]
    data = posted_of(shown, pip_constraint=[""])
    editing = signed_in.post(url, data | {"edit": "check"}).context["editing"]
    finding = next(finding for finding in editing.findings if finding.code == "unpinned")
    assert finding.fix.title == "Pin to ==3.10"
    fixed = signed_in.post(url, data | {"edit": f"fix-{finding.key}"}).context["editing"]
    assert pairs(fixed.rows.pip) == [("idna", "==3.10")]


@pytest.mark.parametrize(
    ("file", "holds"),
    [
        ("environment.yml", b"channels:\n  - conda-forge\ndependencies:"),
        ("requirements.txt", b"# for Python 3.11\nidna==3.10\n"),
        ("definition.json", b'"name": "science"'),
        ("azureml.zip", b"azureml_environment.json"),
    ],
)
def test_a_version_is_downloaded_in_the_forms_of_other_tools(signed_in, version, file, holds):
    answer = signed_in.get(f"{version.get_absolute_url()}files/{file}")
    assert (answer.status_code, answer.headers["Content-Disposition"]) == (200, f'attachment; filename="{file}"')
    assert holds in answer.content


@pytest.mark.parametrize("file", ["Dockerfile", "explicit.txt", "pylock.toml"])
def test_a_form_that_cannot_say_it_says_so(signed_in, version, file):
    answer = signed_in.get(f"{version.get_absolute_url()}files/{file}")
    assert answer.status_code == 409
    assert f"There is no {file}" in answer.content.decode()


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
    shown = signed_in.get(url).context["editing"]
    assert (pairs(shown.rows.pip), pairs(shown.rows.conda)) == ([("idna", "==3.10")], [("gdal", ""), ("pip", "")])
    assert shown.rows.python == "3.11"
    data = posted_of(shown, pip_constraint=["==3.9"], message="Older", base="baseImage", base_image="python:3.11")
    signed_in.post(url, data | {"variable_name": ["A"], "variable_value": ["1"]})
    latest = environment.latest
    assert (latest.number, latest.message) == (2, "Older")
    assert latest.document["docker"] == {"baseImage": "python:3.11"}
    assert latest.document["environmentVariables"] == {"A": "1"}


def test_registering_the_same_again_says_so(signed_in, version):
    url = reverse("new-version", args=["team", "science"])
    answer = signed_in.post(url, posted_of(signed_in.get(url).context["editing"]), follow=True)
    assert "Nothing changed: this is version 1 already." in answer.content.decode()
    assert answer.context["version"] == version


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
        assert "<b>" not in page.replace("Signed in as <b>", "").replace("In <b>", "")


def test_no_page_allows_inline_script_or_foreign_hosts(signed_in, workspace):
    policy = signed_in.get("/workspaces/team/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
