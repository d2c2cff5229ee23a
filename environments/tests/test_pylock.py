import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition
from environments.faults import UserFault
from environments.formats import pylock, reading

SHA = "0123456789abcdef" * 4
FILE = f"""\
lock-version = "1.0"
requires-python = ">=3.9, <3.13"
created-by = "a tool"

[[packages]]
name = "six"
version = "1.16.0"
wheels = [
  {{ url = "https://h.org/six-1.16.0-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }},
]

[[packages]]
name = "numpy"
version = "2.1.0"
marker = "python_version < '3.12'"
sdist = {{ url = "https://h.org/numpy-2.1.0.tar.gz", hashes = {{ sha256 = "{SHA[::-1]}" }} }}
wheels = [{{ url = "https://h.org/numpy-2.1.0-x.whl", hashes = {{ sha256 = "{SHA}" }} }}]

[[packages]]
name = "tool"
vcs = {{ type = "git", url = "https://h.org/a/tool", commit-id = "abc123" }}
"""


def read(text):
    return reading.read("pylock.toml", text)


def test_a_pylock_becomes_packages_with_their_hashes():
    assert read(FILE).document["python"]["condaDependencies"]["dependencies"] == [
        "python>=3.9,<3.13",
        "pip",
        {
            "pip": [
                f"six @ https://h.org/six-1.16.0-py3-none-any.whl --hash=sha256:{SHA}",
                f"numpy==2.1.0 ; python_version < '3.12' --hash=sha256:{SHA} --hash=sha256:{SHA[::-1]}",
                "tool @ git+https://h.org/a/tool@abc123",
            ]
        },
    ]


def test_findings_stand_at_the_packages_they_are_about():
    assert [(each.code, each.line) for each in read(FILE).findings] == [
        ("pip-vcs", 19),
        ("unpinned", 19),
        ("pip-unpinned", None),
        ("pip-url", 5),
    ]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('lock-version = "1.0"\nx = \n', "toml-invalid", 2),
        ("lock-version = 1\npackages = 3\n", "file-unknown", 1),
        ('lock-version = "1.0"\n[[packages]]\nversion = "1"\n', "file-unknown", 2),
        ('lock-version = "1.0"\n\n[[packages]]\nname = "a b"\nversion = "1"\n', "pip-invalid", 3),
        ("lock-version = 1\nx = " + "[" * 1000, "toml-invalid", 1),
    ],
)
def test_what_is_no_pylock_is_refused_with_its_line(text, code, line):
    assert read(text).definition is None
    assert [(each.code, each.line) for each in read(text).findings if each.severity == "error"] == [(code, line)]


def test_a_definition_of_exact_wheels_is_written_as_a_pylock():
    wheel = f"six @ https://h.org/six-1.16.0-py3-none-any.whl ; python_version < '3.12' --hash=sha256:{SHA}"
    wanted = definition.read(definition.compose("3.11", [], [], [wheel]))
    assert (
        pylock.write(wanted)
        == f"""\
lock-version = "1.0"
created-by = "envportal"
requires-python = "==3.11.*"

[[packages]]
name = "six"
marker = "python_version < \\"3.12\\""
wheels = [{{ url = "https://h.org/six-1.16.0-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }}]
"""
    )


@pytest.mark.parametrize(
    ("python", "conda", "pip", "reason"),
    [
        ("3.11", ["gdal"], [], "this definition asks conda for some"),
        ("3.11", [], ["six==1.16.0"], "six is not named so"),
        ("=3.8|=3.9", [], [], "asks for one range of Pythons"),
    ],
)
def test_what_a_pylock_cannot_say_is_not_written(python, conda, pip, reason):
    wanted = definition.read(definition.compose(python, ["x"], conda, pip))
    with pytest.raises(UserFault, match=reason):
        pylock.write(wanted)


names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z]{1,4})?", fullmatch=True)
versions = st.from_regex(r"[1-9](\.[0-9]{1,2}){0,2}", fullmatch=True)


@st.composite
def wheels(draw):
    name, version = draw(names), draw(versions)
    marker = draw(st.sampled_from(["", ' ; python_version < "3.12"', ' ; os_name == "nt" or extra == "x"']))
    return f"{name} @ https://h.org/{name.replace('-', '_')}-{version}-py3-none-any.whl{marker} --hash=sha256:{SHA}"


@given(st.lists(wheels(), min_size=1, max_size=6), st.sampled_from(["", ">=3.9", "==3.11.*", ">=3.9,<3.13"]))
def test_what_is_written_reads_back_the_same(lines, python):
    first = definition.read(definition.compose(python, [], [], lines))
    again = read(pylock.write(first)).definition
    assert again.image_key == first.image_key
    assert [line.canonical for line in again.pip] == [line.canonical for line in first.pip]


toml = st.text(alphabet="ab\"=[]{}.\n #,'1:-", max_size=60)


@given(st.text(max_size=60) | toml | toml.map(lambda text: 'lock-version = "1.0"\n[[packages]]\n' + text))
def test_no_text_raises(text):
    document, _, conda, findings = pylock.read(text)
    assert (document is None) == (conda == "")
    assert document or findings
