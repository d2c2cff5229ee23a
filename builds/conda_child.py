"""Solve or install conda packages by py-rattler. A process of its own, because that may take much memory, or abort.

    python -I conda_child.py QUESTION_FILE ANSWER_FILE

Both are JSON. A question has `act`: `solve` with `channels` (addresses, in order of priority), `alias`, `specs`,
`platform`, `virtual` ([name, version, build] each), `constraints` (specs) and `cache`; or `install` with `records`, `prefix`, `platform`
and `cache`. The answer is {"records": […]}, or {"fault": {"kind", "text", …}}; `conda.py` makes words of it. What
is printed goes to the log of the build. `${NAME}` in addresses is filled in from ENVPORTAL_SECRET_NAME.
"""

import asyncio
import hashlib
import json
import os
import sys
import urllib.request
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from rattler import (
    BuildString,
    Channel,
    ChannelConfig,
    Config,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    NoArchType,
    PackageName,
    PackageRecord,
    RepoDataRecord,
    SourceConfig,
    Subdir,
    Version,
    exceptions,
    install,
    solve,
)

PIECE = 1_000_000  # bytes
SECRETS = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("ENVPORTAL_SECRET_")}


class Fault(Exception):
    """The argument is what the answer says of it."""


def fill(text):
    for name, secret in SECRETS.items():
        text = text.replace(f"${{{name.removeprefix('ENVPORTAL_SECRET_')}}}", secret)
    return text


# Solving


async def answer_solve(question):
    config = ChannelConfig(question["alias"]) if question["alias"] else ChannelConfig()
    channels = [Channel(fill(name), config) for name in question["channels"]]
    # Sharded data breaks when a server says that nothing has changed.
    gateway = Gateway(cache_dir=question["cache"], default_config=SourceConfig(sharded_enabled=False))
    platforms = [question["platform"], "noarch"]
    specs = [read_spec(fill(text)) for text in question["specs"]]
    virtual = [GenericVirtualPackage(PackageName(n), Version(v), BuildString(b)) for n, v, b in question["virtual"]]
    try:
        records = await solve(
            channels,
            specs,
            gateway=gateway,
            platforms=platforms,
            virtual_packages=virtual,
            constraints=[read_spec(text) for text in question.get("constraints", ())],
            channel_relations="disabled",
        )
    except exceptions.SolverError as fault:
        raise Fault(
            {"kind": "conflict", "text": str(fault)} | await what_is_there(fault, gateway, channels, platforms)
        ) from fault
    return {"records": [await as_dict(record, gateway) for record in records]}


def read_spec(text):
    try:
        return MatchSpec(text)
    except Exception as fault:
        raise Fault({"kind": "spec", "spec": text, "text": str(fault)}) from fault


async def what_is_there(fault, gateway, channels, platforms):
    """Where nothing matches what was asked for: its name, and the versions that there are."""
    text = str(fault).partition("because of: ")[2].strip()
    if not text.startswith("No candidates were found for ") or "\n" in text:
        return {}
    wanted = text.removeprefix("No candidates were found for ").removesuffix(".")
    name = wanted.partition(" ")[0].partition("[")[0].rpartition("::")[2]
    found = await gateway.query(channels, platforms, [name], recursive=False, channel_relations="disabled")
    versions = {str(record.version): record.version for records in found for record in records}
    newest = sorted(versions, key=versions.get, reverse=True)
    return {"name": name, "wanted": wanted, "versions": newest[:8]}


async def as_dict(record, gateway):
    facts = {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "subdir": str(record.subdir),
        "url": record.url,
        "channel": channel_of(record),
        "sha256": record.sha256.hex() if record.sha256 else "",
        "size": record.size or 0,
        "licence": record.license or "",
        "depends": list(record.depends),
    }
    return facts if facts["sha256"] else facts | await facts_of_file(facts, gateway)


def channel_of(record):
    """Its address. Where credentials stand in it, py-rattler says stars in their place."""
    if record.channel and "*" not in record.channel:
        return record.channel.rstrip("/")
    return record.url.rpartition("/")[0].rpartition("/")[0]


async def facts_of_file(facts, gateway):
    """Hash and size of a package that was named by its address: from its channel, else from the file itself."""
    try:
        asked = [facts["name"]]
        platforms = [facts["subdir"]]
        found = await gateway.query(
            [Channel(facts["channel"])], platforms, asked, recursive=False, channel_relations="disabled"
        )
        for record in (record for records in found for record in records):
            if record.url == facts["url"] and record.sha256:
                return {"sha256": record.sha256.hex(), "size": record.size or 0}
    except exceptions.GatewayError:
        pass  # a file may lie where no channel is
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(request_of(facts["url"]), timeout=60) as answer:  # noqa: S310, conda.py allows http and https alone
        while piece := answer.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "size": size}


def request_of(url):
    """What urllib asks for an address with a user in it."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = map(unquote, user.partition(":"))
    headers = {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"} if user else {}
    return urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers=headers)  # noqa: S310


# Installing


class Reporter:
    """Says in the log what is linked, and in lines of `progress.MarkedLines` how far it is."""

    def on_populate_cache_complete(self, cache_entry):
        print("\x1efetched", flush=True)

    def on_link_start(self, operation, package_name):
        print(f"  {package_name}", flush=True)
        return operation

    def on_link_complete(self, index):
        print("\x1elinked", flush=True)

    def __getattr__(self, name):
        return lambda *arguments, **more: 0


async def answer_install(question):
    records = [record_of(facts) for facts in question["records"]]
    await install(
        records,
        question["prefix"],
        cache_dir=question["cache"],
        platform=Subdir(question["platform"]),
        execute_link_scripts=False,  # they are code of the packages
        show_progress=False,
        reporter=Reporter(),
        # A prefix that user code runs in must not share files with the cache.
        config=Config.from_toml("allow-hard-links = false\n"),
    )
    for facts in question["records"]:
        tidy(Path(question["prefix"]) / "conda-meta", facts)
    return {"records": []}


def tidy(folder, facts):
    """Let the prefix say of a package where it is from, without what it was fetched with and where on this machine."""
    path = folder / "{name}-{version}-{build}.json".format(**facts)
    about = json.loads(path.read_text())
    about |= {"url": facts["url"], "channel": facts["channel"]}
    for key in ("package_tarball_full_path", "extracted_package_dir"):
        about.pop(key, None)
    if about.get("link"):
        about["link"]["source"] = ""
    path.write_text(json.dumps(about, indent=2))


def record_of(facts):
    needs_python = any(spec.split()[0] == "python" for spec in facts["depends"])
    noarch = NoArchType("python" if needs_python else "generic") if facts["subdir"] == "noarch" else None
    package = PackageRecord(
        facts["name"],
        facts["version"],
        BuildString(facts["build"]),
        0,
        facts["subdir"],
        noarch=noarch,
        depends=facts["depends"],
        sha256=bytes.fromhex(facts["sha256"]),
        size=facts["size"],
        license=facts["licence"] or None,
    )
    return RepoDataRecord(package, facts["url"].rpartition("/")[2], fill(facts["source"]), facts["channel"])


# Both

KINDS = [
    (exceptions.GatewayError, "network"),
    (exceptions.FetchRepoDataError, "network"),
    (OSError, "network"),
]


def kind_of(fault):
    text = str(fault)
    if "hash mismatch" in text.lower() or "HashMismatch" in text:
        return "hash"
    if "No space left" in text:
        return "disk"
    if any(
        words in text for words in ("error sending request", "404", "HTTP status", "failed to fetch", "Failed to fetch")
    ):
        return "network"
    return next((kind for known, kind in KINDS if isinstance(fault, known)), "other")


def answer(question):
    try:
        return asyncio.run({"solve": answer_solve, "install": answer_install}[question["act"]](question))
    except Fault as fault:
        return {"fault": fault.args[0]}
    except Exception as fault:
        return {"fault": {"kind": kind_of(fault), "text": str(fault), "type": type(fault).__name__}}


def main(question_path, answer_path):
    with open(question_path) as file:
        question = json.load(file)
    answered = answer(question)
    if "fault" in answered:
        print(answered["fault"]["text"], flush=True)
    # For nobody else: addresses are in it as they were fetched.
    with open(os.open(answer_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(answered, file)


if __name__ == "__main__":
    code = 1
    try:
        main(*sys.argv[1:])
        code = 0
    except BaseException as fault:
        print(f"{type(fault).__name__}: {fault}", flush=True)
    sys.stdout.flush()
    os._exit(code)  # its threads crash now and then on the ordinary way out
