import tomllib

import pytest

from builds.lock import Package, read_pylock, read_reasons, write_pylock
from environments import pip_lines

HASH = "a" * 64
WANTED, _ = pip_lines.parse("demo-pkg")
HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\n'


def pylock(source):
    return f'{HEAD}[[packages]]\nname = "demo-pkg"\nversion = "1.0"\n{source}\n'


def read(source, private=()):
    return read_pylock(pylock(source), "3.11.7", "linux-64", [WANTED], private)


def archive(place, sha256=HASH):
    return f'archive = {{ {place}, hashes = {{ sha256 = "{sha256}" }} }}'


def test_a_private_wheel_is_named_by_its_content_and_not_by_its_place():
    name = "demo_pkg-1.0-py3-none-any.whl"
    (package,) = read(archive(f'path = "/srv/work/1/wheels/{name}"'), [(HASH, name, 345)])
    assert package == Package("pip", "demo-pkg", "1.0", f"wheels/{HASH}/{name}", HASH, 345, True)
    (entry,) = tomllib.loads(write_pylock([package], "3.11", "wheels"))["packages"]
    assert entry == {
        "name": "demo-pkg",
        "version": "1.0",
        "wheels": [{"path": f"wheels/{name}", "size": 345, "hashes": {"sha256": HASH}}],
    }


def test_a_wheel_at_an_address_of_its_own_keeps_it():
    url = "https://example.org/demo_pkg-1.0-py3-none-any.whl"
    (package,) = read(archive(f'url = "{url}"'))
    assert package == Package("pip", "demo-pkg", "1.0", url, HASH, 0, True)
    (entry,) = tomllib.loads(write_pylock([package], "3.11"))["packages"]
    assert entry["wheels"] == [{"url": url, "hashes": {"sha256": HASH}}]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (archive('path = "/etc/demo_pkg-1.0-py3-none-any.whl"'), "does not name"),
        (archive('url = "https://example.org/demo_pkg-1.0.tar.gz"'), "no wheel with a sha256"),
        (archive('url = "https://example.org/demo_pkg-1.0-cp37-cp37m-win_amd64.whl"'), "no wheel with a sha256"),
        ('archive = { url = "https://example.org/demo_pkg-1.0-py3-none-any.whl" }', "no wheel with a sha256"),
    ],
)
def test_an_archive_that_cannot_be_installed_is_refused(source, says):
    with pytest.raises(ValueError, match=says):
        read(source)


def test_only_a_wheel_whose_hash_the_definition_allows_is_locked():
    wheels = ", ".join(
        f'{{ url = "https://example.org/demo_pkg-1.0-{tag}.whl", hashes = {{ sha256 = "{digest * 64}" }} }}'
        for tag, digest in (("py3-none-any", "b"), ("cp311-cp311-manylinux_2_17_x86_64", "c"))
    )
    text = pylock(f"wheels = [{wheels}]")

    def locked(line):
        wanted, _ = pip_lines.parse(line)
        return read_pylock(text, "3.11.7", "linux-64", [wanted])[0].sha256

    assert locked("demo-pkg") == "c" * 64
    assert locked(f"demo-pkg==1.0 --hash=sha256:{'b' * 64}") == "b" * 64
    with pytest.raises(ValueError, match="has a hash that the definition allows"):
        locked(f"demo-pkg==1.0 --hash=sha256:{'d' * 64}")


def test_what_conda_provides_stays_out_of_the_lock_of_pip():
    assert (
        read_pylock(
            pylock(archive('path = "/srv/demo_pkg-1.0-py3-none-any.whl"')),
            "3.11.7",
            "linux-64",
            [WANTED],
            (),
            {"demo-pkg"},
        )
        == []
    )


def test_the_reasons_are_those_that_uv_writes_behind_each_package():
    text = """\
certifi==2026.10.18
    # via requests
    # from https://index.example.org/simple
idna @ file:provided/idna-3.7-py3-none-any.whl
    # via
    #   -c constraints.txt
    #   Trust_Me
    #   requests[socks]
requests==2.34.2
    # via -r requirements.in
    # from https://index.example.org/simple
"""
    assert read_reasons(text) == (
        {"certifi": ("requests",), "idna": ("requests", "trust-me")},
        dict.fromkeys(["certifi", "requests"], "https://index.example.org/simple"),
    )
