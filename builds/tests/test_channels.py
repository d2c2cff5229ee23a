"""py-rattler really reads these channels, in its child process, from a server on loopback."""

import json
import os
import time

import pytest

from builds import channels
from builds.channels import ChannelFault
from builds.tests import loopback


@pytest.fixture
def channel(settings, tmp_path):
    """A server with the conda channel `team`, which is below the channel alias."""
    with loopback.serve() as served:
        served.put_channel(
            "team", ("gdal", "3.9.1", 0), ("gdal", "3.10.0", 0), ("gdal", "3.10.0", 1), subdir="linux-64"
        )
        served.put_channel("team", ("tqdm", "4.66", 0), ("_odd_", "1", 0), ("gdal-data", "3.11rc1", 0))
        settings.CHANNEL_ALIAS, settings.CACHE, settings.SUGGEST_CHANNELS = served.url, tmp_path / "cache", ["*"]
        yield served


def versions(name, channel="team", seconds=30):
    return channels.package_versions(channel, name, seconds)


def test_names_are_those_of_the_platform_and_of_all_platforms(channel):
    assert sorted(filter(None, channels.package_names("team"))) == ["_odd_", "gdal", "gdal-data", "tqdm"]


def test_versions_are_newest_first_with_their_builds(channel):
    assert versions("gdal") == [("3.10.0", ["h_1", "h_0"]), ("3.9.1", ["h_0"])]
    assert versions("tqdm") == [("4.66", ["h_0"])]
    assert versions("nothing") == []


def test_pre_releases_come_last(channel):
    channel.put_channel("early", ("a", "2.0rc1", 0), ("a", "1.10", 0), ("a", "1.9", 0), ("a", "2024a", 0))
    assert [version for version, _ in versions("a", "early")] == ["1.10", "1.9", "2024a", "2.0rc1"]


def test_a_second_question_downloads_nothing_again(channel):
    versions("gdal")
    before = len(channel.sent)
    versions("tqdm")
    assert {status for path, status in channel.sent[before:] if path.endswith("repodata.json")} <= {304}


def test_a_channel_that_is_not_there_is_a_fault(channel):
    with pytest.raises(ChannelFault):
        versions("gdal", "nobody")


def test_a_channel_that_is_none_is_a_fault(channel):
    channel.pages["/bad/noarch/repodata.json"] = ("application/json", b"<html>")
    with pytest.raises(ChannelFault):
        versions("gdal", "bad")


def test_a_slow_channel_is_left_in_time(channel):
    channel.pages["/slow/noarch/repodata.json"] = lambda handler: time.sleep(5)
    started = time.monotonic()
    with pytest.raises(ChannelFault):
        versions("gdal", "slow", seconds=1)
    assert time.monotonic() - started < 3


def test_the_memory_of_the_child_is_limited(channel, monkeypatch):
    channel.put_channel("large", *((f"p{n}", "1.0", 0) for n in range(100_000)))
    assert versions("p1", "large") == [("1.0", ["h_0"])]
    monkeypatch.setattr(channels, "MEMORY", 25)
    with pytest.raises(ChannelFault, match="memory"):
        versions("p1", "large")


def test_the_child_sees_nothing_of_ours(channel, monkeypatch):
    monkeypatch.setenv("RATTLER_AUTH_FILE", "/no/such/file")
    monkeypatch.setenv("SECRET_KEY", "very secret")
    assert versions("tqdm")
    assert "SECRET_KEY" in os.environ
    assert not any("Authorization" in headers for _, headers in channel.asked)


PLAIN = ["conda-forge", "bioconda", "conda-forge/label/dev", "Team_1.x"]
NEVER = [
    "", "..", "a/..", "a/../b", "/etc", "./x", "~/x", "file:///etc", "a b", "a%2f..", "a//b", "a/b/c/d/e", "a\n", "a:8080",
    "ftp://example.org/x", "//example.org/x", "http:", "http://[", "x" * 200, "127.0.0.1:80/x",
    "https://user:secret@example.org/x", "https://example.org/x?y=z", "https://example.org/x#y", "https://example.org/t x",
]  # fmt: skip


@pytest.mark.parametrize("listed", [["*"], [], ["*", "https://conda.example.org/team/"], ["own"]])
def test_which_channels_may_be_asked(settings, listed):
    settings.SUGGEST_CHANNELS = listed
    asked = [*PLAIN, "own", "https://conda.example.org/team", "http://169.254.169.254/latest", "http://127.0.0.1/x"]
    allowed = {channel for channel in asked if channels.may_be_asked(channel)}
    expected = set(PLAIN) | {"own"} if "*" in listed else set(listed)
    assert allowed == expected | ({"https://conda.example.org/team"} if len(listed) == 2 else set())


@pytest.mark.parametrize("channel", NEVER)
def test_some_channels_are_never_asked_whatever_is_listed(settings, channel):
    settings.SUGGEST_CHANNELS = ["*", channel]
    assert not channels.may_be_asked(channel)


def test_a_listed_address_is_read_as_it_stands(channel, settings):
    settings.CHANNEL_ALIAS = "http://127.0.0.1:1/"
    assert channels.package_versions(f"{channel.url}team", "tqdm", 30) == [("4.66", ["h_0"])]


def test_what_was_not_looked_at_for_long_is_removed(channel):
    versions("gdal")
    files = [path for path in (channels.settings.CACHE / "channels").iterdir() if path.is_file()]
    assert files
    channels.forget_older_than(60)
    assert all(path.exists() for path in files)
    for path in files:
        os.utime(path, (1, 1))
    channels.forget_older_than(60)
    assert not any(path.exists() for path in files)
    assert json.loads(json.dumps(versions("gdal")))
