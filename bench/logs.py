"""Measure a log of 100 MB and a million lines, and 500 who watch one build: `python -m bench.logs`.

Once on SQLite and, where BENCH_POSTGRESQL names a server, once on PostgreSQL. Everything is made in a temporary folder
and served on loopback. Takes about two minutes for each.
"""

import asyncio
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from .portal import on_each_database

LINES = 1_000_000
WATCHERS = 500
SECONDS = 20  # of writing while they watch
PAUSE = 0.1  # seconds between lines
STAMP = re.compile(rb"written at (\d+\.\d+)")


def main():
    import django

    django.setup()
    from django.core.management import call_command

    Path(os.environ["ENVPORTAL_VAR"], "static").mkdir()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    person, version = make_version()
    measure_long_log(person, make_build(version))
    measure_watchers(person, make_build(version))


def make_version():
    from django.contrib.auth import get_user_model

    from environments import definition
    from environments.models import Workspace

    person = get_user_model().objects.create_superuser("mira", password="only for measuring")  # noqa: S106
    environment = Workspace.objects.create(name="team").add_environment("science", person)
    wanted = definition.read(definition.compose("3.11", [], [], ["idna==3.10"], {}))
    return person, environment.register(wanted, person)[0]


def make_build(version):
    from django.utils import timezone

    from builds.models import Build, Status

    Build.objects.running().update(status=Status.FAILED, finished=timezone.now(), reason="for measuring")
    build = Build.objects.create(version=version, image_key=version.image_key, asked_by=version.author)
    build.move_to(Status.RUNNING)
    facts = {"status": "running", "started": timezone.now()}
    build.steps.create(name="resolve", position=0, offset=0, line=0, **facts)
    return build


def measure_long_log(person, build):
    from django.test import Client

    from builds import log, log_files, log_search
    from builds.models import Build

    writer, took = log.LogWriter(build), []
    for n in range(LINES):
        if n % 10_000 == 0:
            took.append(time.perf_counter())
        writer.write(
            b"%07d  Downloading something-with-a-long-name-1.2.3-py3-none-any.whl, %d of many, and so on and on\n"
            % (n, n)
        )
    writer.flush()
    took.append(time.perf_counter())
    pieces = [after - before for before, after in pairwise(took)]
    print(f"{LINES:,} lines, {writer.offset / 1e6:.1f} MB, written in {took[-1] - took[0]:.1f} s")
    print(f"10,000 lines: the first 5 times {ms(pieces[:5])}, the last 5 times {ms(pieces[-5:])}")
    client = Client(HTTP_HOST="localhost")
    client.force_login(person)
    path = build.get_absolute_url()
    for where in ("database", "file"):
        if where == "file":
            build.fail("ours", "for measuring", 654_321)
            started = time.perf_counter()
            log_files.move(build)
            print(f"moved to a file in {time.perf_counter() - started:.1f} s")
        before = peak()
        for query in ("", "?line=500000"):
            times = timed(lambda query=query: client.get(path + query))
            print(
                f"page{query:13} from the {where}: {ms(times)}, {len(client.get(path + query).content) / 1000:.0f} kB"
            )
        current = Build.objects.get(pk=build.pk)
        for text in ("0999999 ", "nowhere to be found"):
            times = timed(lambda current=current, text=text: log_search.search(current, text, seconds=60), 3)
            print(f"search of everything for “{text}” in the {where}: {ms(times)}")
        times = timed(lambda current=current: sum(len(block.data) for block in log.blocks(current)), 3)
        print(f"reading all of it from the {where}: {ms(times)}; memory at its peak {peak() - before:+.0f} MB")


def measure_watchers(person, build):
    from django.test import Client

    from builds.log import LogWriter

    client = Client(HTTP_HOST="localhost")
    client.force_login(person)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "envportal.asgi:application", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--log-level", "error", "--lifespan", "off", "--timeout-graceful-shutdown", "2"]
    )
    try:
        asyncio.run(
            watch(port, f"{build.get_absolute_url()}log/stream/?offset=0&state=x", cookie, server, LogWriter(build))
        )
    finally:
        server.terminate()
        server.wait()


async def watch(port, path, cookie, server, writer):
    while True:
        try:
            await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    latencies, counts = [], [0] * WATCHERS
    await connect(port, path, cookie)  # so that what is loaded once is loaded
    await asyncio.sleep(1)
    before, began = memory(server.pid), time.perf_counter()
    watchers = [
        asyncio.create_task(read(await connect(port, path, cookie), n, latencies, counts)) for n in range(WATCHERS)
    ]
    print(f"{WATCHERS} watchers are there after {time.perf_counter() - began:.1f} s")
    await asyncio.sleep(2)
    lines, cpu = int(SECONDS / PAUSE), processor(server.pid)
    for n in range(lines):
        await asyncio.to_thread(writer.say, f"line {n} written at {time.time():.6f}")
        await asyncio.sleep(PAUSE)
    await asyncio.sleep(1.5)
    cpu = processor(server.pid) - cpu
    for watcher in watchers:
        watcher.cancel()
    latencies.sort()
    print(f"each saw {min(counts)} to {max(counts)} of {lines} lines")
    shares = {
        name: latencies[int(len(latencies) * share)] for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    print("from written to seen:", ", ".join(f"{name} {s * 1000:.0f} ms" for name, s in shares.items()))
    print(
        f"web process: {before:.0f} MB before, {memory(server.pid):.0f} MB after, {threads(server.pid)} threads, "
        f"{cpu / SECONDS:.0%} of a core"
    )


async def connect(port, path, cookie):
    reader, out = await asyncio.open_connection("127.0.0.1", port, limit=10_000_000)
    out.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
    status = await reader.readline()
    if b"200" not in status:
        raise RuntimeError(status)
    return reader, out


async def read(connection, n, latencies, counts):
    while line := await connection[0].readline():
        if line.startswith(b"data: {"):
            for stamp in STAMP.findall(line):
                latencies.append(time.time() - float(stamp))
                counts[n] += 1


def timed(call, times=9):
    took = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return took


def ms(times):
    return f"median {statistics.median(times) * 1000:.0f} ms, most {max(times) * 1000:.0f} ms"


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1000


def threads(pid):
    return int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def processor(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main() if sys.argv[1:] == ["here"] else on_each_database("bench.logs", "here")
