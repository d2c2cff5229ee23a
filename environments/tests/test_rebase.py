import pytest

from environments import definition, rebase
from environments.faults import UserFault
from environments.formats import conda_file
from environments.rebase import Side


def side(*pip, conda=(), python="3.11", channels=("conda-forge",), text="", **base):
    document = definition.compose(python, list(channels), list(conda), list(pip), base)
    text = text or conda_file.write(document["python"]["condaDependencies"])
    return Side(definition.read(document), text)


def wanted(rebased):
    return conda_file.read(rebased.draft.conda).section["dependencies"]


BASE = side("scikit-learn~=1.7.0", "pandas~=2.3.0")
NEWER = side("scikit-learn~=1.9.0", "pandas~=3.1.0", "joblib~=1.6.0")


@pytest.mark.parametrize(
    ("mine", "lines", "clashes"),
    [
        (BASE, ["scikit-learn~=1.9.0", "pandas~=3.1.0", "joblib~=1.6.0"], ()),
        (
            side("scikit-learn~=1.7.0", "pandas~=2.3.0", "polars==1.0"),
            ["scikit-learn~=1.9.0", "pandas~=3.1.0", "joblib~=1.6.0", "polars==1.0"],
            (),
        ),
        (
            side("scikit-learn~=1.7.0"),
            ["scikit-learn~=1.9.0", "joblib~=1.6.0"],
            ("pandas: it is pandas~=3.1.0 there; it stays removed, as you changed it.",),
        ),
        (
            side("scikit-learn~=1.7.0", "pandas==2.3.1"),
            ["scikit-learn~=1.9.0", "pandas==2.3.1", "joblib~=1.6.0"],
            ("pandas: it is pandas~=3.1.0 there; pandas==2.3.1 stays, as you changed it.",),
        ),
        (
            side("--pre", "scikit-learn~=1.7.0", "pandas~=2.3.0"),
            ["scikit-learn~=1.9.0", "pandas~=3.1.0", "joblib~=1.6.0", "--pre"],
            (),
        ),
        (
            side("Scikit_Learn ~= 1.7.0", "pandas~=2.3.0", "joblib~=1.6.0"),
            ["scikit-learn~=1.9.0", "pandas~=3.1.0", "joblib~=1.6.0"],
            (),
        ),
    ],
    ids=["nothing", "one more", "one less", "another version", "an option", "other spelling, and what came there too"],
)
def test_own_changes_are_said_again(mine, lines, clashes):
    found = rebase.rebase(BASE, mine, NEWER)
    assert wanted(found) == ["python=3.11", "pip", {"pip": lines}]
    assert found.clashes == clashes


def test_what_both_changed_alike_is_no_clash():
    mine = side("scikit-learn~=1.9.0", "pandas~=2.3.0")
    assert rebase.rebase(BASE, mine, NEWER).clashes == ()


def test_a_package_that_moved_to_conda_does_so_again():
    mine = side("scikit-learn~=1.7.0", conda=["pandas=2.3"])
    found = rebase.rebase(BASE, mine, NEWER)
    assert wanted(found) == ["python=3.11", "pip", "pandas=2.3", {"pip": ["scikit-learn~=1.9.0", "joblib~=1.6.0"]}]


def test_python_channels_variables_and_docker_too():
    mine = side(
        "scikit-learn~=1.7.0", "pandas~=2.3.0", python="3.12", channels=("mine", "conda-forge"),
        environmentVariables={"A": "1"}, docker={"baseImage": "mine:1"},
    )  # fmt: skip
    newer = side("scikit-learn~=1.9.0", environmentVariables={"B": "2"}, docker={"baseImage": "theirs:2"})
    found = rebase.rebase(BASE, mine, newer)
    document, findings = found.draft.to_document()
    assert findings == []
    assert document["environmentVariables"] == {"B": "2", "A": "1"}
    assert document["docker"]["baseImage"] == "mine:1"
    section = document["python"]["condaDependencies"]
    assert section["channels"] == ["conda-forge", "mine"]
    assert section["dependencies"][0] == "python=3.12"
    assert found.clashes == ("docker.baseImage: it is theirs:2 there; mine:1 stays, as you changed it.",)


def test_python_that_both_changed_is_a_clash():
    found = rebase.rebase(BASE, side("pandas~=2.3.0", python="3.12"), side("pandas", python="3.13"))
    assert "Python: it is 3.13 there; 3.12 stays, as you changed it." in found.clashes


def test_comments_of_the_newer_one_stay():
    text = "# theirs\ndependencies:\n  - python=3.11\n  - pip:\n      - pandas~=3.1.0  # newer\n"
    newer = Side(definition.read({"python": {"condaDependencies": conda_file.read(text).section}}), text)
    found = rebase.rebase(BASE, side("scikit-learn~=1.7.0", "pandas~=2.3.0", "rich"), newer)
    assert found.draft.conda == text + "      - rich\n"


def test_what_rows_cannot_show_is_refused():
    mine = Side(BASE.definition, "dependencies: {}\n- broken")
    with pytest.raises(UserFault, match="line by line"):
        rebase.rebase(BASE, mine, NEWER)
