"""Run one command under limits and end its whole process tree with it. Started by `process.py`.

    python -I -S limited.py PARENT_PID REPORT_FD MEMORY PROCESSES FILE_SIZE OPEN_FILES COMMAND [ARGUMENT ...]

It stays beside the command as its supervisor: on SIGTERM, when the parent dies, when all of it together holds more
than MEMORY bytes, or when the command has ended, every process that came of it is killed, also one that made a session
of its own (the kernel hands orphans to us, Linux only). Exits as the command did, 128 + N when signal N killed it.
Last it writes to REPORT_FD the most bytes that all of it held at once, and `memory` when that was too much: for our
limit, or for the kernel.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK = 0.1  # seconds between looks at the memory
KILLED = 128 + signal.SIGKILL
CRASHED = (KILLED, 128 + signal.SIGABRT, 128 + signal.SIGSEGV, 128 + signal.SIGBUS)


def tell_kernel(option, value):
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:  # it is gone, or this kernel has no such file
        return ""


def children_of(pid):
    """The living children of a process, whichever thread started them; none where the kernel has no such list."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(name) for thread in threads for name in read(f"/proc/{pid}/task/{thread}/children").split()]


def everything_below():
    below = children_of(os.getpid())
    for pid in below:
        below.extend(children_of(pid))
    return below


def end_everything():
    """Kill until nothing is left: a dying parent hands its children to us, so one look is not enough."""
    for _ in range(200):
        for pid in everything_below():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def held(pid, file, fields):
    """Bytes of memory of one process, by the fields of a file of the kernel's."""
    lines = (line.split() for line in read(f"/proc/{pid}/{file}").splitlines())
    return sum(int(words[1]) for words in lines if len(words) > 1 and words[0] in fields) * 1024


def kernel_kills():
    """How many processes of this machine the kernel has killed for want of memory."""
    return next((int(line.split()[1]) for line in read("/proc/vmstat").splitlines() if line.startswith("oom_kill ")), 0)


class Supervisor:
    def __init__(self, report, memory):
        self.report, self.memory = report, memory
        self.peak, self.is_too_much, self.kills_before = 0, False, kernel_kills()

    def look(self):
        """Note how much memory all of it holds. Return whether that is within the limit."""
        below = everything_below()
        total = sum(held(pid, "status", ("RssAnon:", "RssShmem:")) for pid in below)
        if total > self.memory:  # what processes share was counted for each: look again, closely
            total = sum(held(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in below) or total
        self.peak = max(self.peak, total)
        self.is_too_much = total > self.memory
        return not self.is_too_much

    def follow(self, child):
        """Wait for the command, killing it when it takes too much. Return its exit code."""
        pause = 0.01
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if not pid:
                if not self.look():
                    return KILLED
                wait_for_a_child(pause)
                pause = min(LOOK, 2 * pause)

    def end(self, code):
        end_everything()
        of_largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        self.peak = self.peak or of_largest
        if code in CRASHED and kernel_kills() > self.kills_before:
            self.is_too_much = True
        with contextlib.suppress(OSError):  # whoever asked may be gone
            os.write(self.report, f"{self.peak} {'memory' if self.is_too_much else ''}".encode())
        os._exit(code)


def wait_for_a_child(seconds):
    if hasattr(signal, "sigtimedwait"):
        signal.sigtimedwait([signal.SIGCHLD], seconds)
    else:  # macOS
        time.sleep(seconds)


def become(command, memory, processes, file_size, open_files):
    """Turn this forked child into the command."""
    tell_kernel(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.umask(0o022)  # what is installed is read by another user
    # Not the address space: tools reserve far more of it than they use.
    limit(resource.RLIMIT_DATA, memory)
    limit(resource.RLIMIT_NPROC, processes)  # of the user; does not hold for root
    limit(resource.RLIMIT_FSIZE, file_size)
    limit(resource.RLIMIT_NOFILE, open_files)
    limit(resource.RLIMIT_CORE, 0)
    try:
        os.execvp(command[0], command)
    except OSError as fault:
        print(f"{command[0]}: {fault.strerror}", flush=True)
        os._exit(127)


def limit(kind, most):
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def main():
    parent, report, memory, *limits = map(int, sys.argv[1:7])
    supervisor = Supervisor(report, memory)
    os.set_inheritable(report, False)
    signal.signal(signal.SIGTERM, lambda signum, frame: supervisor.end(128 + signum))
    tell_kernel(PR_SET_CHILD_SUBREAPER, 1)
    tell_kernel(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(128 + signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    child = os.fork()
    if child == 0:
        become(sys.argv[7:], memory, *limits)
    supervisor.end(supervisor.follow(child))


if __name__ == "__main__":
    main()
