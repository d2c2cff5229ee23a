"""What the other tests of conda stand on: the channel is real, for tools that know nothing of us."""

import json
import subprocess
import urllib.request

from builds.tests import conda_channel


def test_the_channel_has_an_index_of_every_platform_with_hashes(conda):
    with urllib.request.urlopen(f"{conda.url}team/{conda_channel.subdir()}/repodata.json") as answer:
        records = json.load(answer)["packages.conda"].values()
    assert {"python", "fastpick", "gpu-lib"} <= {record["name"] for record in records}
    assert all(len(record["sha256"]) == 64 for record in records)


def test_it_is_made_once(channel_folder, settings):
    before = {path: path.stat().st_mtime_ns for path in channel_folder.rglob("*.conda")}
    assert conda_channel.ready(settings.VAR) == channel_folder
    assert {path: path.stat().st_mtime_ns for path in channel_folder.rglob("*.conda")} == before


def test_a_package_of_it_is_an_archive_of_conda(channel_folder):
    (path,) = channel_folder.glob("team/noarch/idna-*.conda")
    names = subprocess.run(["python3", "-m", "zipfile", "-l", path], capture_output=True, text=True, check=True).stdout
    assert "metadata.json" in names
    assert "info-idna-3.7-py_0.tar.zst" in names
