"""What pip and conda print about what is installed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.faults import UserFault
from runs.reports import read


def seen(text):
    return [(p.manager, p.name, p.version, p.build, p.channel) for p in read(text).packages]


def test_pip_freeze():
    text = "# a comment\nidna==3.10\nPillow==10.0.0\ntyping_extensions===4.8.0\n"
    assert seen(text) == [
        ("pip", "idna", "3.10", "", ""),
        ("pip", "pillow", "10.0.0", "", ""),
        ("pip", "typing-extensions", "4.8.0", "", ""),
    ]


def test_pip_freeze_of_packages_at_addresses():
    sha256 = "a" * 64
    text = (
        f"demo @ https://me:secret@files.example.org/demo-1.2-py3-none-any.whl#sha256={sha256}\n"
        "mine @ git+https://git.example.org/mine.git@abc\n"
        "# Editable Git install with no remote (local==2.0)\n-e /home/me/local\n"
        "-e git+https://git.example.org/theirs.git@1#egg=theirs\n"
    )
    demo, local, mine, theirs = read(text).packages
    assert (demo.version, demo.sha256, demo.url) == (
        *("1.2", sha256),
        "https://…@files.example.org/demo-1.2-py3-none-any.whl",
    )
    assert (local.name, local.version, local.url) == ("local", "2.0", "file:local")
    assert (mine.version, mine.url) == ("", "git+https://git.example.org/mine.git@abc")
    assert (theirs.name, theirs.version) == ("theirs", "")


def test_pip_list():
    assert seen(
        "Package    Version Editable project location\n------- ---- ----\nidna  3.4\nmine 1.0 /home/me/mine\n"
    ) == [
        ("pip", "idna", "3.4", "", ""),
        ("pip", "mine", "1.0", "", ""),
    ]


def test_conda_list_says_which_packages_are_of_pip():
    text = (
        "# packages in environment at /opt/conda:\n#\n# Name                    Version                   Build  Channel\n"
        "_libgcc_mutex             0.1                 conda_forge    conda-forge\n"
        "python                    3.11.4          hab00c5b_0_cpython    conda-forge\n"
        "blas                      1.0                         mkl\n"
        "requests                  2.31.0                   pypi_0    pypi\n"
    )
    assert seen(text) == [
        ("conda", "_libgcc_mutex", "0.1", "conda_forge", "conda-forge"),
        ("conda", "blas", "1.0", "mkl", ""),
        ("conda", "python", "3.11.4", "hab00c5b_0_cpython", "conda-forge"),
        ("pip", "requests", "2.31.0", "", ""),
    ]
    assert read(text).python == "3.11.4"


def test_conda_list_export_and_explicit():
    text = "# platform: linux-64\npython=3.11.4=h1_0\nidna=3.4=pypi_0\n"
    assert seen(text) == [("conda", "python", "3.11.4", "h1_0", ""), ("pip", "idna", "3.4", "", "")]
    assert read(text).platform == "linux-64"
    text = (
        "@EXPLICIT\nhttps://conda.example.org/t/secret-token/main/linux-64/python-3.11.4-h1_0.conda#" + "b" * 64 + "\n"
    )
    (python,) = read(text).packages
    assert (python.channel, python.subdir) == ("https://conda.example.org/t/…/main", "linux-64")
    assert python.sha256 == "b" * 64
    assert "secret" not in python.url


def test_json_of_pip_and_of_conda():
    assert seen(json.dumps([{"name": "idna", "version": "3.4"}])) == [("pip", "idna", "3.4", "", "")]
    row = {"name": "python", "version": "3.12.1", "build_string": "h_0", "channel": "main", "platform": "linux-64"}
    of_pip = {"name": "Rich", "version": "13.0", "build_string": "pypi_0", "channel": "pypi", "platform": "pypi"}
    report = read(json.dumps([row, of_pip]))
    assert [(p.manager, p.name) for p in report.packages] == [("conda", "python"), ("pip", "rich")]
    assert (report.python, report.platform) == ("3.12.1", "linux-64")


RULER = "─" * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # pip list --outdated: the third column is what one could have instead
        (
            "Package Version Latest Type\n------- ------- ------ -----\nidna 3.4 3.7 wheel\n",
            ("pip", "idna", "3.4", "", ""),
        ),
        ("Package Version Location Installer\nidna 3.4 C:\\Program Files\\lib pip\n", ("pip", "idna", "3.4", "", "")),
        ("idna==3.4  # why\n\n[notice] A new release of pip is available\n", ("pip", "idna", "3.4", "", "")),
        ("[notice] To update, run: pip\nidna==3.4\n", ("pip", "idna", "3.4", "", "")),
        ("WARNING: Ignoring -dna\nDEPRECATION: Loading egg\nidna==3.4\n", ("pip", "idna", "3.4", "", "")),
        ("\ufeffidna==3.4\r\n", ("pip", "idna", "3.4", "", "")),
        ("Using Python 3.12.3 environment at: /x\nidna==3.4\n", ("pip", "idna", "3.4", "", "")),
        ("-e file:///home/me/mine\n", ("pip", "mine", "", "", "")),
        ("-f https://files.example.org\n--no-index\nidna==3.4\n", ("pip", "idna", "3.4", "", "")),
        (
            f'List of packages in environment: "/x"\n\n  Name  Version  Build  Channel\n{RULER}\n  python 3.12.1 h1_0 main\n',
            ("conda", "python", "3.12.1", "h1_0", "main"),
        ),
        (
            "numpy 1.26.4 py311_0 https://conda.example.org/t/a-secret-token/main\n",
            ("conda", "numpy", "1.26.4", "py311_0", "https://conda.example.org/t/…/main"),
        ),
        ("mine 1.0 dev_0 <develop>\n", ("conda", "mine", "1.0", "dev_0", "<develop>")),
    ],
)
def test_what_tools_print_around_and_beside_it(text, expected):
    assert seen(text) == [expected]


def test_conda_list_and_pip_freeze_together_name_each_package_once():
    text = "numpy 1.26.4 py311_0 conda-forge\nnumpy @ file:///home/builder/numpy\nrich==13.0\nnumpy==1.26.4\n"
    assert seen(text) == [("conda", "numpy", "1.26.4", "py311_0", "conda-forge"), ("pip", "rich", "13.0", "", "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("idna==3.4\nTraceback (most recent call last):\n", "Line 2: “Traceback (most recent call last):” is not"),
        ("2024-01-01 10:00:00  (rev 0)\n    +numpy-1.2 (main/linux-64)\n", "Line 1: “2024-01-01 10:00:00  (rev 0)” is"),
        ("idna==3.4\n-e .\n", "Line 2: “-e .” is not"),
        ("idna==3.4\nIdna==3.5\n", "Line 2: idna 3.5 is there already, as 3.4."),
        ('[{"name": "a", "version": "1"}, {"name": "A", "version": "2"}]', "Package 2 of the JSON: a 2 is there"),
        ("idna>=3.4\n", "Line 1: “idna>=3.4” is not"),
        ("@EXPLICIT\nhttps://conda.example.org/main/linux-64/python.conda\n", "Line 2: “https://conda"),
        ("", "This lists no package."),
        ("# nothing\n", "This lists no package."),
        ("[1]", "Package 1 of the JSON has no name and version."),
        ("[", "This is no JSON"),
        ("[" * 100_000, "This is no JSON"),
        ("idna==3.4\0", "characters that are not text"),
        ("a" * 300 + "==1", "more than 255 characters"),
        ("x" * 2_000_001, "at most 2,000,000 characters"),
        ("".join(f"p{n}==1\n" for n in range(10_001)), "more than 10,000 packages"),
    ],
)
def test_what_no_tool_prints_is_refused_with_its_line(text, said):
    with pytest.raises(UserFault) as fault:
        read(text)
    assert said in fault.value.message
    assert fault.value.field == "packages"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        assert read(text).packages
    except UserFault as fault:
        assert fault.message  # noqa: PT017, one of the two happens
