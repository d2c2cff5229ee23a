"""Downloads of a lock, read again by this portal and by the tools that they are for."""

import tomllib
from dataclasses import replace

import pytest
from django.urls import reverse
from rattler import LockFile

from builds import lock_files
from builds.lock import Package
from builds.lock_files import Locked
from builds.models import Lock, Status
from builds.tests.test_models import succeed
from environments.faults import UserFault
from environments.formats import reading

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
CHANNEL, INDEX = "https://conda.example.org/team", "https://index.example.org/simple"
PYTHON = Package(
    "conda", "python", "3.11.7", f"{CHANNEL}/linux-64/python-3.11.7-h_0.conda", A, 19_000_000, True,
    build="h_0", channel=CHANNEL, subdir="linux-64", licence="PSF-2.0", requested_by=("joblike",),
)  # fmt: skip
JOBLIKE = Package(
    "conda", "joblike", "1.6", f"{CHANNEL}/noarch/joblike-1.6-py_0.conda", B, 1_690, True,
    build="py_0", channel=CHANNEL, subdir="noarch", licence="BSD-3-Clause", requested_by=("requests",),
)  # fmt: skip
REQUESTS = Package(
    "pip", "requests", "2.32.3", "https://files.example.org/requests-2.32.3-py3-none-any.whl", C, 64_928, True,
    channel=INDEX,
)  # fmt: skip
PRIVATE = Package("pip", "demo-pkg", "1.0", "https://env.example.org/demo_pkg-1.0-py3-none-any.whl", A, 345, True)
MIXED = Locked("science", "3.11.7", "linux-64", (PYTHON, JOBLIKE, REQUESTS, PRIVATE), ("team", "nodefaults"))
PIP = Locked("science", "3.11.7", "linux-64", (REQUESTS, PRIVATE), ("conda-forge",), (f"--extra-index-url {INDEX}",))


def text_of(file, locked):
    return lock_files.render(file, locked)[0]


def read(file, locked):
    """The definition that the file is to this portal."""
    found = reading.read(file, text_of(file, locked).encode())
    assert found.definition, found.findings
    return found.definition


def pins(definition):
    assert all(item.is_pinned for item in (*definition.conda, *definition.pip) if item.name != "pip")
    return {item.name for item in (*definition.conda, *definition.pip)}


def test_a_conda_file_pins_every_package_of_both():
    assert text_of("environment.yml", MIXED).split("\n") == [
        "name: science",
        "channels:",
        "  - team",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11.7=h_0",
        "  - joblike=1.6=py_0",
        "  - pip",
        "  - pip:",
        "      - requests==2.32.3",
        "      - demo-pkg @ https://env.example.org/demo_pkg-1.0-py3-none-any.whl",
        "",
    ]
    assert pins(read("environment.yml", MIXED)) == {"python", "joblike", "pip", "requests", "demo-pkg"}


def test_a_conda_file_of_pip_packages_alone_pins_their_python_and_keeps_their_index():
    definition = read("environment.yml", PIP)
    assert pins(definition) == {"python", "pip", "requests", "demo-pkg"}
    assert [option.canonical for option in definition.pip_options] == [f"--extra-index-url {INDEX}"]


def test_a_channel_that_only_a_package_names_is_a_channel_of_the_file():
    other = Locked("science", "3.11.7", "linux-64", (PYTHON,), ("conda-forge",))
    assert read("environment.yml", other).channels == ("conda-forge", CHANNEL, "nodefaults")


def test_an_explicit_list_is_the_exact_files_with_their_hashes():
    text = text_of("explicit.txt", MIXED)
    assert text.split("\n")[2:] == ["@EXPLICIT", f"{PYTHON.url}#sha256:{A}", f"{JOBLIKE.url}#sha256:{B}", ""]
    definition = read("explicit.txt", MIXED)
    assert [(spec.name, spec.url.partition("#")[0]) for spec in definition.conda] == [
        ("python", PYTHON.url),
        ("joblike", JOBLIKE.url),
    ]


@pytest.mark.parametrize("locked", [MIXED, PIP], ids=["mixed", "pip"])
def test_requirements_name_a_hash_of_every_package(locked):
    definition = read("requirements.txt", locked)
    assert {line.name: line.hashes for line in definition.pip} == {
        "requests": (f"sha256:{C}",),
        "demo-pkg": (f"sha256:{A}",),
    }


def test_a_pylock_names_every_wheel_with_its_hash():
    packages = tomllib.loads(text_of("pylock.toml", PIP))["packages"]
    assert [each["wheels"][0]["hashes"]["sha256"] for each in packages] == [C, A]
    assert [(line.name, line.is_pinned, line.hashes) for line in read("pylock.toml", PIP).pip] == [
        ("requests", True, (f"sha256:{C}",)),
        ("demo-pkg", True, (f"sha256:{A}",)),
    ]


def test_a_pixi_lock_is_read_by_rattler(tmp_path):
    (tmp_path / "pixi.lock").write_text(text_of("pixi.lock", MIXED))
    environment = LockFile.from_path(tmp_path / "pixi.lock").default_environment()
    (platform,) = environment.platforms()
    assert platform.name == "linux-64"
    conda = {record.name.normalized: record for record in environment.conda_repodata_records_for_platform(platform)}
    assert set(conda) == {"python", "joblike"}
    joblike = conda["joblike"]
    assert (str(joblike.version), str(joblike.build), joblike.url, joblike.sha256.hex(), joblike.depends) == (
        "1.6",
        "py_0",
        JOBLIKE.url,
        B,
        ["python ==3.11.7"],
    )
    pypi = {package.name: package.version for package in environment.pypi_packages_for_platform(platform)}
    assert pypi == {"requests": "2.32.3", "demo-pkg": "1.0"}


@pytest.mark.parametrize(
    ("file", "packages", "what"),
    [("explicit.txt", (REQUESTS,), "conda"), ("pixi.lock", (REQUESTS,), "conda"), ("pylock.toml", (PYTHON,), "pip"), ("requirements.txt", (PYTHON,), "pip")],
)  # fmt: skip
def test_a_file_that_would_be_empty_is_not_there(file, packages, what):
    with pytest.raises(UserFault, match=f"no {what} packages"):
        text_of(file, Locked("science", "3.11.7", "linux-64", packages))
    assert file not in lock_files.available({package.manager for package in packages})


def test_a_page_and_the_api_give_out_the_same(client, api, editor, build):
    succeed(build)
    client.force_login(editor)
    page = client.get(build.get_absolute_url()).content.decode()
    assert reverse("build-artifact", args=[build.pk, "requirements.txt"]) in page
    url = reverse("build-lock-file", args=[build.pk, "requirements.txt"])
    assert "explicit.txt" not in page
    answer = client.get(url)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="requirements.txt"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    client.logout()
    again = api(editor).get(reverse("api-build-lock-file", args=[build.pk, "requirements.txt"]))
    assert again.content == answer.content


def test_a_build_that_another_supplied_gives_its_lock(client, editor, build, version):
    succeed(build)
    reused = version.builds.request(version, editor)
    client.force_login(editor)
    page = client.get(reused.get_absolute_url()).content.decode()
    assert reverse("build-artifact", args=[reused.pk, "pylock.toml"]) in page


def test_what_is_not_there_is_said(client, api, editor, build):
    client.force_login(editor)
    url = reverse("build-lock-file", args=[build.pk, "pixi.lock"])
    answer = client.get(url)
    assert (answer.status_code, "has no lock" in answer.content.decode()) == (409, True)
    succeed(build)
    assert "no conda packages" in client.get(url).content.decode()
    client.logout()
    answer = api(editor).get(reverse("api-build-lock-file", args=[build.pk, "pixi.lock"]))
    assert (answer.status_code, answer.json()) == (409, {"detail": "This lock has no conda packages."})


def test_a_private_wheel_is_named_by_its_address_in_the_workspace(client, editor, build):
    private = Package("pip", "demo-pkg", "1.0", f"wheels/{A}/demo_pkg-1.0-py3-none-any.whl", A, 345, True)
    assert build.move_to(Status.RUNNING)
    build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", [private]), prefix="p")
    client.force_login(editor)
    text = client.get(reverse("build-lock-file", args=[build.pk, "requirements.txt"])).content.decode()
    assert f"demo-pkg @ http://testserver/workspaces/team/wheels/{A}/demo_pkg-1.0-py3-none-any.whl --hash=" in text


def test_the_page_of_a_version_says_what_is_locked_of_conda_and_who_needs_it(client, editor, environment, wanted):
    version, _ = environment.register(wanted("requests", conda=["joblike"], channels=["team"]), editor)
    build = version.builds.request(version, editor)
    needed = replace(PYTHON, name="cloudpick", version="2.0", direct=False, requested_by=("a", "b", "c", "joblike"))
    assert build.move_to(Status.RUNNING)
    lock = Lock.objects.store("3.11.7", "linux-64", [PYTHON, JOBLIKE, needed, REQUESTS])
    build.finish(Status.SUCCEEDED, lock=lock, prefix="p")
    client.force_login(editor)
    page = " ".join(client.get(version.get_absolute_url()).content.decode().split())
    joblike = page.split('<th scope="row">joblike</th>')[1].partition("</tr>")[0]
    assert '<td class="mono">1.6</td>' in joblike
    assert "by a, b, c and 1 more" in page.split('<th scope="row">cloudpick</th>')[1].partition("</tr>")[0]


def test_the_api_says_all_that_is_known_of_a_package(api, editor, build):
    assert build.move_to(Status.RUNNING)
    build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", [JOBLIKE]), prefix="p")
    assert api(editor).get(reverse("api-build", args=[build.pk])).json()["packages"] == [
        JOBLIKE.as_dict() | {"is_source": False}
    ]
