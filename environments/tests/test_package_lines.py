import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import conda_specs, pip_lines
from environments.conda_specs import CondaSpec
from environments.pip_lines import PipLine
from environments.pip_options import PipOption

PATH = ("x", 3)
SHA = "0123456789abcdef" * 4


def pip(text):
    """What a pip line is, as (canonical, codes of the findings)."""
    item, findings = pip_lines.parse(text, PATH)
    return item and item.canonical, [finding.code for finding in findings]


def conda(text):
    item, findings = conda_specs.parse(text, PATH)
    return item and item.canonical, [finding.code for finding in findings]


def fix(parser, text):
    """The first finding about a line, and what its fix writes."""
    finding = parser.parse(text, PATH)[1][0]
    return finding.code, finding.fix and (finding.fix.verb, finding.fix.path, finding.fix.value)


# pip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("numpy", "numpy"),
        ("NumPy == 1.26.*", "numpy==1.26.*"),
        ("foo.bar_baz>=1, <2", "foo-bar-baz<2,>=1"),
        ("uvicorn[Standard,http] ~= 0.3", "uvicorn[http,standard]~=0.3"),
        ("six ; python_version<'3.12'", 'six ; python_version < "3.12"'),
        ("six==1.0  # why", "six==1.0"),
        ("flit-core === 3.9.0", "flit-core===3.9.0"),
        (f"six==1.0 --hash=sha256:{SHA}", f"six==1.0 --hash=sha256:{SHA}"),
        (f"six==1.0 --hash sha256:{SHA.upper()}", f"six==1.0 --hash=sha256:{SHA}"),
        ("torch==2.1+cu118", "torch==2.1+cu118"),
    ],
)
def test_requirements_as_people_write_them(text, canonical):
    assert pip(text) == (canonical, [])


@pytest.mark.parametrize("text", ["", "   ", "# a comment", "  # another"])
def test_blanks_and_comments_are_nothing(text):
    assert pip_lines.parse(text, PATH) == (None, [])


@pytest.mark.parametrize(
    ("text", "canonical", "code"),
    [
        ("x @ https://h.org/x-1-py3-none-any.whl", "x @ https://h.org/x-1-py3-none-any.whl", "pip-url"),
        ("https://h.org/x_y-1-py3-none-any.whl", "x-y @ https://h.org/x_y-1-py3-none-any.whl", "pip-url"),
        ("https://h.org/x-1.tar.gz", "x @ https://h.org/x-1.tar.gz", "pip-source"),
        ("git+https://h.org/a/b@v1#egg=b", "b @ git+https://h.org/a/b@v1#egg=b", "pip-vcs"),
        ("git+https://h.org/a/b", "git+https://h.org/a/b", "pip-vcs"),
        ("b @ git+ssh://git@h.org/a/b", "b @ git+ssh://git@h.org/a/b", "pip-vcs"),
    ],
)
def test_addresses_are_kept_and_said(text, canonical, code):
    assert pip(text) == (canonical, [code])


def test_a_private_wheel_is_named_by_its_content_and_nothing_is_said_of_it():
    address = f"https://portal.example.org/workspaces/team/wheels/{SHA}/x-1.0-py3-none-any.whl"
    line, findings = pip_lines.parse(f"x @ {address}")
    assert findings == []
    assert (line.wheel.workspace, line.wheel.sha256, line.wheel.filename) == ("team", SHA, "x-1.0-py3-none-any.whl")
    assert line.canonical == f"x @ wheel:{SHA}/x-1.0-py3-none-any.whl"


def test_a_wheel_from_an_open_address_is_offered_over_https():
    line, findings = pip_lines.parse("http://h.org/x-1-py3-none-any.whl", PATH)
    assert line.name == "x"
    assert [(finding.code, finding.fix and finding.fix.value) for finding in findings] == [
        ("pip-url", None),
        ("pip-url-open", "https://h.org/x-1-py3-none-any.whl"),
    ]


@pytest.mark.parametrize(
    ("text", "canonical", "code"),
    [
        ("--pre", "--pre", None),
        ("--index-url https://h.org/simple", "--index-url https://h.org/simple", None),
        ("-i https://h.org/simple", "--index-url https://h.org/simple", None),
        ("--extra-index-url=https://h.org/simple", "--extra-index-url https://h.org/simple", None),
        ("-f 'https://h.org/wheels'", "--find-links https://h.org/wheels", None),
        ("--index-url https://${USER}:${TOKEN}@h.org/s", "--index-url https://${USER}:${TOKEN}@h.org/s", None),
        ("--index-url https://me:${TOKEN}@h.org/s", "--index-url https://me:${TOKEN}@h.org/s", None),
        ("--index-url https://${ME}:hunter2@h.org/s", None, "credentials"),
        ("--prefer-binary", None, "pip-option-dropped"),
        ("--only-binary :all:", None, "pip-option-dropped"),
        ("--require-hashes", None, "pip-option-dropped"),
        ("--no-binary numpy", "--no-binary numpy", None),
        ("--no-binary=Foo_Bar, numpy,numpy", "--no-binary foo-bar,numpy", None),
        ("--no-binary :all:", None, "pip-option"),
        ("--no-binary numpy,:all:", None, "pip-option"),
        ("--no-binary :none:", None, "pip-option"),
        ("--no-binary", None, "pip-option"),
        ("--no-binary numpy,", None, "pip-option"),
        ("--no-binary ../numpy", None, "pip-option"),
        ("--no-binary numpy --pre", None, "pip-option"),
        ("--trusted-host h.org", None, "pip-option"),
        ("--no-index", None, "pip-option"),
        ("--no-such-thing", None, "pip-option"),
        ("--index-url", None, "pip-option"),
        ("--index-url h.org/simple", None, "pip-option"),
        ("-r more.txt", None, "pip-file"),
        ("-rmore.txt", None, "pip-file"),
        ("-c https://h.org/limits.txt", None, "pip-file"),
        ("--requirement=more.txt", None, "pip-file"),
        ("-e .", None, "pip-path"),
        ("-e ./here", None, "pip-path"),
        (".", None, "pip-path"),
        (".[all]", None, "pip-path"),
        ("./x.whl", None, "pip-path"),
        ("../x", None, "pip-path"),
        ("/srv/x.whl", None, "pip-path"),
        ("~/x", None, "pip-path"),
        ("C:\\x\\y.whl", None, "pip-path"),
        ("file:///x.whl", None, "pip-path"),
        ("x @ file:///x.whl", None, "pip-path-named"),
        ("wheels/x-1-py3-none-any.whl", None, "pip-path"),
        ("x-1-py3-none-any.whl", None, "pip-path"),
    ],
)
def test_each_option_and_path_is_kept_dropped_or_refused(text, canonical, code):
    item, codes = pip(text)
    assert item == canonical
    assert (codes[0] if codes else None) == code
    assert canonical is None or isinstance(pip_lines.parse(text)[0], PipOption)


def test_an_editable_repository_is_installed_like_any_other():
    line, findings = pip_lines.parse("-e git+https://h.org/a/b@v1#egg=b", PATH)
    assert line.canonical == "b @ git+https://h.org/a/b@v1"
    assert [finding.code for finding in findings] == ["pip-editable", "pip-vcs"]
    assert findings[0].fix.value == "b @ git+https://h.org/a/b@v1"


@pytest.mark.parametrize("text", ["foo==${VERSION}", "$PACKAGE", "${PACKAGE}", "{{ cookiecutter.package }}"])
def test_what_a_template_would_fill_in_is_called_so(text):
    assert pip(text) == (None, ["template-value"])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://h.org/x-1-py3-none-any.whl; os_name == 'posix'", 'x @ https://h.org/x-1-py3-none-any.whl ; os_name == "posix"'),
        ("https://h.org/x-1-py3-none-any.whl ;os_name == 'posix'", 'x @ https://h.org/x-1-py3-none-any.whl ; os_name == "posix"'),
        ("https://h.org/a;b/x-1-py3-none-any.whl", "x @ https://h.org/a;b/x-1-py3-none-any.whl"),
        ("https://h.org/me/x/archive/main.zip", "https://h.org/me/x/archive/main.zip"),
    ],
)  # fmt: skip
def test_an_address_may_have_a_marker_behind_it_and_a_source_archive_no_name(text, canonical):
    assert pip(text)[0] == canonical


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("numpy @ file:///croot/numpy_1682953417311/work", "numpy"),
        ("torch[x] @ file:///b/torch-2.0.1+cpu-cp311-cp311-linux_x86_64.whl ; os_name == 'posix'", 'torch[x]==2.0.1+cpu ; os_name == "posix"'),
    ],
)  # fmt: skip
def test_a_package_from_a_path_of_another_machine_is_offered_from_the_index(text, instead):
    assert fix(pip_lines, text) == ("pip-path-named", ("set", PATH, instead))
    assert pip_lines.parse(instead)[1] == []


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("torch == 1.13 -f https://h.org/torch.html", None),
        ("torch --index-url=https://h.org/simple", None),
        ("flash-attn==2.3.6 --no-build-isolation", "flash-attn==2.3.6"),
        ("six -U", "six"),
    ],
)
def test_an_option_behind_a_package_is_said_and_the_package_offered(text, instead):
    assert fix(pip_lines, text) == ("pip-option-behind", instead and ("set", PATH, instead))


def test_the_folder_in_a_repository_is_kept_when_an_editable_line_is_written_anew():
    line, findings = pip_lines.parse("-e git+https://h.org/a/b@v1#egg=b&subdirectory=python", PATH)
    assert line.canonical == "b @ git+https://h.org/a/b@v1#subdirectory=python"
    assert findings[0].fix.value == "b @ git+https://h.org/a/b@v1#subdirectory=python"


def test_the_page_of_a_repository_is_offered_as_its_address():
    assert fix(pip_lines, "https://github.com/a/b") == ("pip-invalid", ("set", PATH, "git+https://github.com/a/b"))


@pytest.mark.parametrize("text", ["numpy\n--no-binary numpy", "numpy\r-r x", "numpy \x0b-e .", "numpy\u2028-r x"])
def test_a_line_cannot_smuggle_in_another(text):
    item, _ = pip(text)
    assert item is None or len(item.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("numpy=1.26", "numpy==1.26"),
        ("numpy 1.26", "numpy==1.26"),
        ("numpy =>1.26", "numpy >=1.26"),
        ("numpy >=1.26 <2", "numpy >=1.26,<2"),
        ("numpy@1.26", "numpy==1.26"),
        ("scikit learn", "scikit-learn"),
        ("numpy,", "numpy"),
        ("numpy;", "numpy"),
        ("“numpy”", "numpy"),
        ("numpy>=1.7.*", "numpy>=1.7"),
        ("- numpy>=1", "numpy>=1"),
        ("-U numpy", "numpy"),
        ("pip install numpy==1.26", "numpy==1.26"),
        ("!python -m pip install numpy", "numpy"),
        ("conda-forge::numpy", "numpy"),
    ],
)
def test_what_was_probably_meant_for_pip_is_offered(text, instead):
    assert fix(pip_lines, text) == ("pip-invalid", ("set", PATH, instead))
    assert pip_lines.parse(instead)[1] == []


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
        "six==1.0 --no-deps",
        "six_",
        "six[a_]",
        "{{ package }}",
        "x @",
        "x @ nowhere",
        "https://[",
        "https://h.org/",
    ],
)
def test_what_only_looks_like_a_requirement_is_refused(text):
    item, findings = pip_lines.parse(text, PATH)
    assert item is None
    assert [(finding.severity, finding.where) for finding in findings] == [("error", "x[3]")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=1.0", "it does not begin with a name"),
        ("six[a", "a bracket is not closed"),
        ("six; x", "its marker, behind the semicolon, cannot be read"),
        ("six>=1.*", ".* goes with == and != alone"),
        ("six >", "what follows the name is no constraint such as ==1.0 or >=1,<2"),
    ],
)
def test_the_reason_is_said_in_words(text, reason):
    _, (finding,) = pip_lines.parse(text)
    assert finding.message == f"“{text}” cannot be read as a package: {reason}."


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("numpy==2.1", ("numpy", "==2.1")),
        ("uvicorn[standard] >=0.3; python_version<'3.13'", ("uvicorn[standard]", ">=0.3; python_version<'3.13'")),
        ("numpy", ("numpy", "")),
        ("https://h.org/x.whl", ("https://h.org/x.whl", "")),
    ],
)
def test_a_requirement_is_split_for_the_two_fields_of_a_form(text, parts):
    assert pip_lines.split(text) == parts


# conda


@pytest.mark.parametrize(
    ("text", "channel", "name", "version", "build"),
    [
        ("numpy", "", "numpy", "", ""),
        ("conda-forge::NumPy=1.26", "conda-forge", "numpy", "=1.26", ""),
        ("conda-forge/linux-64::numpy", "conda-forge/linux-64", "numpy", "", ""),
        ("https://h.org:8080/ch::numpy", "https://h.org:8080/ch", "numpy", "", ""),
        ("python =3.10.*", "", "python", "=3.10.*", ""),
        ("PyJWT < 2.0.0", "", "pyjwt", "< 2.0.0", ""),
        ("numpy>=1.2,<3", "", "numpy", ">=1.2,<3", ""),
        ("numpy ~=1.2", "", "numpy", "~=1.2", ""),
        ("numpy 1.8|1.9", "", "numpy", "1.8|1.9", ""),
        ("numpy *", "", "numpy", "*", ""),
        ("mkl=2024.1=h0_1", "", "mkl", "=2024.1", "h0_1"),
        ("python=3.8=*_cpython", "", "python", "=3.8", "*_cpython"),
        ("_libgcc_mutex 0.1 main", "", "_libgcc_mutex", "0.1", "main"),
        ("blas[build=mkl]", "", "blas", "", "mkl"),
        ("x[version='>=0.2.0']", "", "x", ">=0.2.0", ""),
        ("x[channel=forge, version=1.0]", "forge", "x", "1.0", ""),
        ("ruamel.yaml=0.17", "", "ruamel.yaml", "=0.17", ""),
        ("font-ttf=1!164.3", "", "font-ttf", "=1!164.3", ""),
        ("gstreamer=1!1.22.9=h98fc4e7_0", "", "gstreamer", "=1!1.22.9", "h98fc4e7_0"),
        ("numpy=1.26  # why", "", "numpy", "=1.26", ""),
    ],
)
def test_match_specs_as_people_write_them(text, channel, name, version, build):
    spec, findings = conda_specs.parse(text)
    assert findings == []
    assert (spec.channel, spec.name, spec.version, spec.build) == (channel, name, version, build)


def test_a_package_file_is_an_exact_package():
    address = "https://h.org/ch/linux-64/zlib-1.2.11-h36c2ea0_1013.tar.bz2#cf7190238072a41e9579e4476a6a60b8"
    spec, findings = conda_specs.parse(address)
    assert findings == []
    assert (spec.name, spec.version, spec.build, spec.url) == ("zlib", "==1.2.11", "h36c2ea0_1013", address)
    assert conda_specs.parse(f"zlib[url={address.partition('#')[0]}]")[0].canonical == address.partition("#")[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy *", "numpy"),
        ("numpy=*", "numpy"),
        ("numpy=1.2=*", "numpy =1.2"),
        ("blas[build=mkl]", "blas * mkl"),
        ("x[version='>=1',subdir=noarch]", "x >=1[subdir=noarch]"),
    ],
)
def test_two_spellings_of_one_dependency(one, other):
    assert conda(one) == conda(other) != (None, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=1.0",
        "3.8",
        "a\nb",
        "numpy; rm -rf /",
        "numpy $(x)`y`",
        "x" * 5000 + "!",
        "numpy[",
        "numpy[a=b]",
        "numpy=1[version=2]",
        "python=3.9=",
        "numpy[build=a,build=b]",
        "https://h.org/readme.txt",
        "x[url=https://h.org/y-1-0.conda]",
    ],
)
def test_what_is_no_match_spec_is_refused(text):
    spec, findings = conda_specs.parse(text, PATH)
    assert spec is None
    assert [(finding.code in ("conda-invalid", "conda-pip-only"), finding.where) for finding in findings] == [
        (True, "x[3]")
    ]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("numpy=>1.2", "numpy>=1.2"),
        ("numpy===1.2", "numpy==1.2"),
        ("numpy >=1 <2", "numpy >=1,<2"),
        ("numpy@1.2", "numpy=1.2"),
        ("numpy,", "numpy"),
        ("numpy: 1.2", "numpy=1.2"),
        ("'numpy'", "numpy"),
        ("scikit learn", "scikit-learn"),
    ],
)
def test_what_was_probably_meant_for_conda_is_offered(text, instead):
    assert fix(conda_specs, text) == ("conda-invalid", ("set", PATH, instead))
    assert conda_specs.parse(instead)[1] == []


def test_extras_are_not_for_conda():
    assert conda_specs.parse("uvicorn[standard]>=0.3")[1][0].message == (
        "“uvicorn[standard]>=0.3” cannot be read as a conda package: conda has no extras. "
        "Write name, name=1.2 or name>=1.2,<2."
    )


@pytest.mark.parametrize("text", ["-e .", "git+https://h.org/a/b", "./x", "x.whl", "x @ https://h.org/x", "a; b"])
def test_what_is_for_pip_alone_can_be_moved_there(text):
    assert fix(conda_specs, text) == ("conda-pip-only", ("to-pip", PATH, None))


def test_an_option_among_conda_packages_has_no_fix():
    assert fix(conda_specs, "-c channel") == ("conda-pip-only", None)


@pytest.mark.parametrize("text", ["numpy={{ version }}", "${PACKAGE}", "conda-forge::${PACKAGE}"])
def test_values_of_templates_are_named(text):
    assert conda(text) == (None, ["template-value"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("numpy=1.2", ("numpy", "=1.2")),
        ("conda-forge::numpy >=1,<2", ("conda-forge::numpy", ">=1,<2")),
        ("blas[build=mkl]", ("blas", "[build=mkl]")),
        ("mkl=2024.1=h0_1", ("mkl", "=2024.1=h0_1")),
        ("numpy", ("numpy", "")),
        ("not; one", ("not; one", "")),
    ],
)
def test_a_spec_is_split_for_the_two_fields_of_a_form(text, parts):
    assert conda_specs.split(text) == parts


@pytest.mark.parametrize(
    ("constraint", "version", "fits"),
    [
        ("=3.11", "3.11.7", True),
        ("==3.11", "3.11.7", True),
        ("3.11", "3.12.1", False),
        ("=3.11.7", "3.11.7", True),
        ("=3.11.7", "3.11.2", False),
        ("3.11.*", "3.11.2", True),
        ("=3.11.*", "3.11.2", True),
        (">=3.10,<3.12", "3.11.2", True),
        (">=3.10,<3.12", "3.12.1", False),
        ("=3.8|=3.12", "3.12.1", True),
        (">=3.6.*", "3.12.1", True),
        (">=3.6.*", "3.5.1", False),
        ("==3.10.0rc1", "3.10.0rc1", True),
        ("=3.10.0rc1", "3.10.0rc1", True),
        ("3.10.0rc1", "3.10.0", False),
        ("(>=3.8)", "3.9.1", True),
        ("=*", "3.13.0", True),
        ("", "3.13.0", True),
        ("*", "3.13.0", True),
    ],
)
def test_which_python_a_constraint_means(constraint, version, fits):
    assert any(version in specifiers for specifiers in conda_specs.python_specifiers(constraint)) is fits


@pytest.mark.parametrize("text", ["cpython", "python_abi=3.10=*_cp310", "python-dateutil"])
def test_what_only_begins_like_python_is_another_package(text):
    assert conda_specs.parse(text)[0].name == text.partition("=")[0]


@pytest.mark.parametrize("constraint", ["abc", ">=", "3.11.x.y", "|", "3.11|", ">=3.11,", "===abc", "~=3"])
def test_a_constraint_that_means_no_python_is_a_value_error(constraint):
    with pytest.raises(ValueError, match="is no version"):
        conda_specs.python_specifiers(constraint)


# Secrets


@pytest.mark.parametrize(
    ("parser", "text", "instead"),
    [
        (pip_lines, "--index-url https://me:hunter2@h.org/simple", "--index-url https://h.org/simple"),
        (pip_lines, "x @ https://hunter2@h.org/x-1-py3-none-any.whl", "x @ https://h.org/x-1-py3-none-any.whl"),
        (pip_lines, "git+https://me:hunter2@h.org/a/b", "git+https://h.org/a/b"),
        (pip_lines, "https://h.org/x-1.zip?sv=1&sig=hunter2", "https://h.org/x-1.zip"),
        (conda_specs, "https://me:hunter2@h.org/ch::numpy", "https://h.org/ch::numpy"),
        (conda_specs, "x[channel='https://me:hunter2@h.org/ch']", "x[channel='https://h.org/ch']"),
        (conda_specs, "https://h.org/t/hunter2-hunter2/ch::numpy", "https://h.org/ch::numpy"),
        (conda_specs, "https://h.org/t/hunter2-hunter2/ch/noarch/a-1-0.conda", "https://h.org/ch/noarch/a-1-0.conda"),
    ],
)
def test_credentials_are_taken_out_and_never_shown(parser, text, instead):
    item, findings = parser.parse(text, PATH)
    assert item is None
    assert [(finding.code, finding.fix.value) for finding in findings] == [("credentials", instead)]
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@h.org/what is this",
        "-r https://me:hunter2@h.org/r.txt",
        "-e https://me:hunter2@h.org/x",
        "--index-url me:hunter2@h.org/simple",
        "--trusted-host me:hunter2@h.org",
        "https://me:hunter2@h.org/{{ x }}",
        "x=https://me:hunter2@h.org/x",
        "file://me:hunter2@h.org/x.whl",
        "https://h.org/?token=hunter2",
        "x ! https://h.org/t/hunter2-hunter2/c",
    ],
)
def test_no_message_about_a_line_shows_its_secrets(text):
    for parser in (pip_lines, conda_specs):
        item, findings = parser.parse(text, PATH)
        assert item is None
        assert "hunter2" not in " ".join(finding.message for finding in findings)


# Whatever the text is


@pytest.mark.parametrize(
    "text",
    ["a/" * 5000 + "!", "six" + " #" * 50_000 + "\n\nx", "six >=1" + " " * 100_000 + ",<3", "a[" * 400, "(" * 900],
)
def test_no_line_takes_long(text):
    started = time.monotonic()
    for read in (conda_specs.parse, conda_specs.split, pip_lines.parse, pip_lines.split):
        read(text)
    assert time.monotonic() - started < 2


lines = st.text(max_size=60) | st.text(alphabet="abz019._-[]=<>!~,; '\"#\\\n\r\t@:/*|${}", max_size=40)


@given(lines)
def test_no_text_breaks_the_parsers(text):
    for parser in (pip_lines, conda_specs):
        item, findings = parser.parse(text, PATH)
        assert item is None or isinstance(item, CondaSpec | PipLine | PipOption)
        assert all(finding.where == "x[3]" for finding in findings)
        assert isinstance(parser.split(text), tuple)


@given(lines)
def test_the_canonical_form_reads_as_itself_and_is_one_clean_line(text):
    for parser in (pip_lines, conda_specs):
        item, _ = parser.parse(text)
        if item:
            assert parser.parse(item.canonical)[0].canonical == item.canonical
            assert len(item.canonical.splitlines()) == 1
            assert isinstance(item, PipOption) or not item.canonical.startswith("-")


names = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
versions = st.from_regex(r"[1-9](\.[0-9]{1,2}){0,3}", fullmatch=True)


@given(names, st.sampled_from(["", "=", "==", ">=", "<", "!=", "~="]), versions, st.sampled_from(["", "h0_1", "*_x"]))
def test_made_conda_specs_read_back_as_what_they_were_made_of(name, operator, version, build):
    text = f"{name}{operator}{version}" if operator else name
    text = f"{text}={build}" if operator == "=" and build else text
    spec, findings = conda_specs.parse(text)
    assert findings == []
    assert (spec.name, spec.version, spec.build) == (
        name,
        f"{operator}{version}" if operator else "",
        build if operator == "=" else "",
    )
    assert conda_specs.parse(spec.canonical)[0].canonical == spec.canonical
