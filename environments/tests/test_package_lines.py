import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import conda_specs, pip_lines
from environments.findings import Finding

FILE = """\
# what the API needs
numpy==2.1.0
-r more.txt
pandas>=2.2, \\
    <3
scikit learn

requests @ https://example.org/requests.whl
"""


def test_a_requirements_file_is_read_line_by_line_and_faults_name_their_lines():
    lines, findings = pip_lines.read(FILE)
    assert [line.canonical for line in lines] == ["numpy==2.1.0", "pandas<3,>=2.2"]
    assert [(finding.code, finding.line) for finding in findings] == [
        ("pip-option", 3),
        ("pip-invalid", 6),
        ("pip-url", 8),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "--no-binary :all:",
        "-e .",
        "--index-url=http://x",
        "-r x",
        "./x",
        "../x.whl",
        "/etc/passwd",
        "x.whl",
        "git+https://a/b",
    ],
)
def test_options_paths_and_urls_are_refused(text):
    assert pip_lines.parse(text).code in ("pip-option", "pip-url")


@pytest.mark.parametrize("text", ["numpy\n--no-binary numpy", "numpy\r-r x", "numpy \x0b-e ."])
def test_a_line_cannot_smuggle_in_another(text):
    found = pip_lines.parse(text)
    assert isinstance(found, Finding) or "\n" not in found.canonical


def test_a_conda_pin_among_pip_packages_is_explained():
    assert "pip writes ==" in pip_lines.parse("numpy=1.26").message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("numpy==2.1", ("numpy", "==2.1")),
        ("uvicorn[standard] >=0.3; python_version<'3.13'", ("uvicorn[standard]", ">=0.3; python_version<'3.13'")),
        ("numpy", ("numpy", "")),
    ],
)
def test_a_requirement_is_split_for_the_two_fields_of_a_form(text, parts):
    assert pip_lines.split(text) == parts


@pytest.mark.parametrize(
    ("text", "channel", "name", "constraint"),
    [
        ("numpy", "", "numpy", ""),
        ("conda-forge::NumPy=1.26", "conda-forge", "numpy", "=1.26"),
        ("python =3.10.*", "", "python", "=3.10.*"),
        ("PyJWT < 2.0.0", "", "pyjwt", "< 2.0.0"),
        ("mkl=2024.1=h0_1", "", "mkl", "=2024.1=h0_1"),
        ("blas[build=mkl]", "", "blas", "[build=mkl]"),
        ("_libgcc_mutex 0.1 main", "", "_libgcc_mutex", "0.1 main"),
        ("x[version='>=0.2.0']", "", "x", "[version='>=0.2.0']"),
    ],
)
def test_match_specs_as_people_write_them(text, channel, name, constraint):
    spec = conda_specs.parse(text)
    assert (spec.channel, spec.name, spec.constraint) == (channel, name, constraint)


@pytest.mark.parametrize(
    "text", ["", "=1.0", "a\nb", "numpy; rm -rf /", "-c channel", "numpy $(x)`y`", "x" * 5000 + "!"]
)
def test_what_is_no_match_spec_is_refused(text):
    assert conda_specs.parse(text).code == "conda-invalid"


@pytest.mark.parametrize(
    ("constraint", "version", "fits"),
    [
        ("=3.11", "3.11.7", True),
        ("==3.11", "3.11.7", True),
        ("3.11", "3.12.1", False),
        ("=3.11.7", "3.11.7", True),
        ("=3.11.7", "3.11.2", False),
        ("3.11.*", "3.11.2", True),
        (">=3.10,<3.12", "3.11.2", True),
        (">=3.10,<3.12", "3.12.1", False),
        ("=3.8|=3.12", "3.12.1", True),
        ("", "3.13.0", True),
        ("*", "3.13.0", True),
    ],
)
def test_which_python_a_constraint_means(constraint, version, fits):
    assert any(version in specifiers for specifiers in conda_specs.python_specifiers(constraint)) is fits


@pytest.mark.parametrize("constraint", ["abc", ">=", "3.11.x.y", "|", "3.11|", ">=3.11,", "===abc"])
def test_a_constraint_that_means_no_python_is_a_value_error(constraint):
    with pytest.raises(ValueError, match="is no version"):
        conda_specs.python_specifiers(constraint)


@pytest.mark.parametrize(
    "text",
    [
        r'six; platform_machine != "\n--index-url http://127.0.0.1:9\nfoo"',
        r"""six; os_name == 'a"\x27'""",
        r'six; platform_machine != "\ud800"',
        "six; " + "(" * 1500,
        'six; dependency_groups == "x"',
        "six===",
        "six===--pre",
        "six===${HOME}",
        "six==1.0 --hash=sha256:00",
    ],
)
def test_what_only_looks_like_a_requirement_is_refused(text):
    assert pip_lines.parse(text).severity == "error"


@pytest.mark.parametrize(
    "text", ["a/" * 5000 + "!", "six" + " #" * 50_000 + "\n\nx", "six >=1" + " " * 100_000 + ",<3"]
)
def test_no_line_takes_long(text):
    started = time.monotonic()
    for read in (conda_specs.parse, conda_specs.split, pip_lines.parse, pip_lines.split):
        read(text)
    assert time.monotonic() - started < 0.5


@given(st.text(max_size=60))
def test_no_text_breaks_the_parsers(text):
    pip_lines.read(text)
    pip_lines.split(text)
    conda_specs.parse(text)
    conda_specs.split(text)


@given(st.text(alphabet="abz019._-[]=<>!~,; '\"#\\\n\r\t@:/", max_size=40))
def test_what_is_written_for_the_resolver_is_one_clean_line(text):
    for line in pip_lines.read(text)[0]:
        assert pip_lines.parse(line.canonical).canonical == line.canonical
        assert len(line.canonical.splitlines()) == 1
        assert not line.canonical.startswith("-")
