import os
import sys
import time
from pathlib import Path

import pytest

from builds import process
from builds.process import Limits, Stopped, TooSlow

ENVIRON = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def run(tmp_path):
    """Run Python code as a limited process; return (exit code, output)."""

    def run(code, *, seconds=20, memory=2000, beat=lambda: True, environ=ENVIRON, usage=None):
        said = []
        command = [sys.executable, "-c", code]
        limits = Limits.of(seconds, memory)
        how = {"environ": environ, "limits": limits, "output": said.append, "beat": beat, "usage": usage}
        ended = process.run(command, cwd=tmp_path, **how)
        return ended, b"".join(said).decode()

    return run


def is_gone(pid):
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_output_and_exit_code_come_back(run):
    assert run("import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)") == (3, "out\nerr\n")


def test_a_signal_is_told_as_shells_do(run):
    assert run("import os; os.kill(os.getpid(), 9)")[0] == 137


def test_a_command_that_is_not_there_is_an_exit_code(tmp_path):
    said = []
    code = process.run(
        ["/no/such/tool"], cwd=tmp_path, environ={}, limits=Limits.of(5, 500), output=said.append, beat=lambda: True
    )
    assert (code, b"".join(said)) == (127, b"/no/such/tool: No such file or directory\n")


def test_the_environment_is_clean_and_there_is_no_input(run, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "very secret")
    code = "import os, sys; print(sorted(set(os.environ) - {'LC_CTYPE'}), repr(sys.stdin.read()))"
    assert run(code)[1] == "['LANG', 'PATH'] ''\n"


def test_no_file_of_ours_is_handed_down(run, tmp_path):
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = (
            "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) > 2])"
        )
        assert "secret" not in run(code)[1]


def test_the_time_limit_ends_it(run):
    started = time.monotonic()
    with pytest.raises(TooSlow):
        run("import time; time.sleep(60)", seconds=1)
    assert time.monotonic() - started < 4


def test_the_memory_limit_ends_it(run):
    code, said = run("x = bytearray(900_000_000); print('had it')", memory=500)
    assert code == 1
    assert "MemoryError" in said
    assert run("x = bytearray(900_000_000); print('had it')", memory=2000) == (0, "had it\n")


TREE = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print(os.getpid(), child.pid, daemon.pid, flush=True)
time.sleep({seconds})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's list of children")
def test_stopping_ends_the_whole_tree_also_what_left_the_session(tmp_path):
    said = []
    beats = iter(range(100))
    with pytest.raises(Stopped):
        process.run(
            [sys.executable, "-c", TREE.format(seconds=300)],
            cwd=tmp_path,
            environ=ENVIRON,
            limits=Limits.of(30, 2000),
            output=said.append,
            beat=lambda: not said or next(beats) < 2,
        )
    pids = b"".join(said).split()
    assert len(pids) == 3
    assert all(is_gone(int(pid)) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's list of children")
def test_what_a_command_leaves_behind_ends_with_it(run):
    started = time.monotonic()
    code, said = run(TREE.format(seconds=0))
    assert code == 0
    assert time.monotonic() - started < 5
    assert all(is_gone(int(pid)) for pid in said.split())


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel to be told of the parent's end")
def test_the_tree_ends_when_whoever_started_it_is_killed(tmp_path):
    outer = f"""
import sys; sys.path.insert(0, {str(Path(process.__file__).parent.parent)!r})
from builds import process
process.run([sys.executable, "-c", {TREE.format(seconds=300)!r}], cwd="/", environ={ENVIRON!r},
    limits=process.Limits.of(60, 2000), output=lambda data: print(data.decode(), flush=True), beat=lambda: True)
"""
    import subprocess

    with subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 3
    assert all(is_gone(pid) for pid in pids)


def test_a_silent_process_is_beaten_for_all_the_same(run):
    beats = []
    run("import time; time.sleep(1.2)", beat=lambda: beats.append(1) or True)
    assert 3 <= len(beats) <= 8


SHARES = """
import os, time
for _ in range({children}):
    if not os.fork():
        x = bytearray({each})
        for i in range(0, len(x), 4096):
            x[i] = 1
        time.sleep(2)
        os._exit(0)
for _ in range({children}):
    os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's list of children")
def test_the_memory_limit_is_for_the_whole_tree(run):
    usage = process.Usage()
    assert run(SHARES.format(children=4, each=200_000_000), memory=500, usage=usage)[0] == 137
    assert usage.ran_out_of_memory
    assert usage.peak_memory > 500_000_000
    usage = process.Usage()
    assert run(SHARES.format(children=4, each=50_000_000), memory=500, usage=usage)[0] == 0
    assert (usage.ran_out_of_memory, usage.peak_memory // 100_000_000) == (False, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's list of children")
def test_memory_that_processes_share_counts_once(run):
    code = (
        "import os, time\nx = bytearray(200_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1\n"
        "for _ in range(4):\n  if not os.fork(): time.sleep(1); os._exit(0)\nfor _ in range(4): os.wait()"
    )
    usage = process.Usage()
    assert run(code, memory=500, usage=usage)[0] == 0
    assert not usage.ran_out_of_memory


def memory_group():
    """Make a group of processes that may hold 80 MB, and return its folder: cgroup v2, or v1."""
    for root, most in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        group = Path(root) / f"envportal-test-{os.getpid()}"
        if (group.parent / most).exists() or (group.parent / "cgroup.controllers").exists():
            group.mkdir()
            (group / most).write_text("80000000")
            return group
    return None


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not os.access("/sys/fs/cgroup", os.W_OK),
    reason="only root may make a memory group, where those can be written",
)
def test_a_kill_by_the_kernel_for_want_of_memory_is_told_from_others(run):
    group = memory_group()
    assert group
    usage = process.Usage()
    code = f"open('{group}/cgroup.procs', 'w').write('0')\nx = bytearray(300_000_000)\nprint('had it')"
    try:
        assert run(code, usage=usage) == (137, "")
    finally:
        time.sleep(0.1)
        group.rmdir()
    assert usage.ran_out_of_memory
    other = process.Usage()
    assert run("import os; os.kill(os.getpid(), 9)", usage=other)[0] == 137
    assert not other.ran_out_of_memory


def test_a_file_that_grows_too_large_and_too_many_open_files_meet_their_limits(tmp_path):
    said = []
    code = (
        "try: open('big', 'wb').write(bytes(3_000_000))\nexcept OSError as fault: print(fault.strerror)\n"
        "try: files = [open('/dev/null') for _ in range(100)]\nexcept OSError as fault: print(fault.strerror)"
    )
    process.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        environ=ENVIRON,
        limits=Limits(20, 500_000_000, file_size=1_000_000, open_files=50),
        output=said.append,
        beat=lambda: True,
    )
    assert b"".join(said) == b"File too large\nToo many open files\n"
