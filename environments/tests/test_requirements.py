import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition
from environments.faults import UserFault
from environments.formats import conda_file, reading, requirements

SHA = "0123456789abcdef" * 4
FILE = f"""\
# what the API needs
--extra-index-url https://h.org/simple

NumPy==2.1.0   # pinned
pandas>=2.2, \\
    <3
six==1.16.0 \\
    --hash=sha256:{SHA} \\
    --hash=sha256:{SHA[::-1]}
-e git+https://h.org/a/b@v1#egg=b
x ; python_version < "3.12"
"""
PATH = "python.condaDependencies.dependencies[1].pip"


def read(text):
    return reading.read("requirements.txt", text)


def findings(text, *severities):
    return [(each.code, each.line) for each in read(text).findings if each.severity in severities]


def test_a_requirements_file_becomes_pip_packages():
    section = read(FILE).document["python"]["condaDependencies"]
    assert section == {
        "dependencies": [
            "pip",
            {
                "pip": [
                    "--extra-index-url https://h.org/simple",
                    "NumPy==2.1.0",
                    "pandas>=2.2, <3",
                    f"six==1.16.0 --hash=sha256:{SHA} --hash=sha256:{SHA[::-1]}",
                    "-e git+https://h.org/a/b@v1#egg=b",
                    'x ; python_version < "3.12"',
                ]
            },
        ]
    }


def test_each_package_has_the_line_where_it_begins():
    _, lines, _ = requirements.read(FILE)
    assert lines == {f"{PATH}[{i}]": line for i, line in enumerate([2, 4, 5, 7, 10, 11])}


def test_what_is_said_of_a_file_is_said_at_its_lines():
    assert findings(FILE, "error", "warning") == [
        ("python-unstated", None),
        ("unpinned", 5),
        ("pip-editable", 10),
        ("pip-vcs", 10),
        ("unpinned", 10),
        ("unpinned", 11),
    ]


def test_faults_name_the_line_of_the_file():
    text = "numpy==2.1.0\n-r more.txt\npandas>=2.2, \\\n    <3\nscikit learn\n\n./here\n--trusted-host x\n"
    assert findings(text, "error") == [("pip-file", 2), ("pip-invalid", 5), ("pip-path", 7), ("pip-option", 8)]
    assert read(text).definition is None


def test_the_conda_file_that_an_editor_opens_keeps_the_comments():
    assert read("# why\nsix==1.16.0  # old\n\nidna\n").conda == (
        "dependencies:\n  - pip\n  - pip:\n      # why\n      - six==1.16.0  # old\n      - idna\n"
    )


@pytest.mark.parametrize("text", ["# nothing\n", "# one\n# two"])
def test_a_file_of_comments_asks_for_nothing(text):
    assert read(text).definition.pip == ()
    assert findings(text, "error") == []


def test_the_last_line_may_end_in_a_backslash():
    assert [line.canonical for line in read("six \\").definition.pip] == ["six"]


def test_a_definition_of_pip_packages_is_written_as_requirements():
    wanted = definition.read(definition.compose("3.11", [], [], ["six==1.16.0", "--pre", "# why", "idna # because"]))
    assert requirements.write(wanted) == "# for Python 3.11\nsix==1.16.0\n--pre\n# why\nidna # because\n"


def test_a_package_of_conda_cannot_be_written_as_a_requirement():
    wanted = definition.read(definition.compose("3.11", ["x"], ["gdal", "proj"], ["six"]))
    with pytest.raises(UserFault, match="conda provides gdal, proj"):
        requirements.write(wanted)


def test_no_line_that_was_not_read_is_written():
    wanted = definition.read(definition.compose("3.11", [], [], ["six # why\n--index-url http://127.0.0.1", "idna\n"]))
    assert requirements.write(wanted) == "# for Python 3.11\nsix # why --index-url http://127.0.0.1\nidna\n"


names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
versions = st.from_regex(r"[1-9](\.[0-9]{1,2}){0,2}", fullmatch=True)
packages = st.builds(
    "{}{}{}{}".format,
    names,
    st.sampled_from(["==", ">=", " ~=1.", "[a,b] < "]),
    versions,
    st.sampled_from(["", " ; python_version < '3.12'", f" --hash=sha256:{SHA}"]),
)
options = st.sampled_from(["--pre", "--extra-index-url https://h.org/simple", "--find-links https://h.org/w"])


@given(st.lists(packages | options, min_size=1, max_size=8), st.sampled_from(["\n", "  # why\n", "\n\n# so\n"]))
def test_what_is_written_reads_back_the_same(lines, end):
    first = read("".join(f"{line}{end}" for line in lines)).definition
    again = read(requirements.write(first)).definition
    assert again.image_key == first.image_key
    assert again.document == first.document
    assert [item.item.canonical for item in again.placed if item.path[3] == 1] == [
        item.item.canonical for item in first.placed if item.path[3] == 1
    ]


@given(st.text(max_size=60) | st.text(alphabet="abz019._-[]=<>!~,; '\"#\\\n\r\t@:/", max_size=60))
def test_the_conda_file_of_any_requirements_says_the_same(text):
    document, lines, conda = requirements.read(text)
    if "\0" not in text:
        assert conda_file.read(conda).section == document["python"]["condaDependencies"]
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
