"""Run one command under limits and end its whole process tree with it. Started by `process.py`.

    python -I -S limited.py PARENT_PID MEMORY_BYTES COMMAND [ARGUMENT ...]

It stays beside the command as its supervisor: on SIGTERM, when the parent dies, or when the command has
ended, every process that came of it is killed, also one that made a session of its own (the kernel hands
orphans to us, Linux only). Exits as the command did, 128 + N when signal N killed it.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def tell_kernel(option, value):
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def children_of(pid):
    """The living children of a process, by the kernel's list; none where there is no such list."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as names:
            return [int(name) for name in names.read().split()]
    except OSError:
        return []


def end_everything():
    """Kill until nothing is left: a dying parent hands its children to us, so one look is not enough."""
    for _ in range(200):
        below = children_of(os.getpid())
        for pid in below:
            below.extend(children_of(pid))
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def end_now(signum, frame):
    end_everything()
    os._exit(128 + signum)


def become(command, memory):
    """Turn this forked child into the command."""
    tell_kernel(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Not the address space: tools reserve far more of it than they use.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.execvp(command[0], command)
    except OSError as fault:
        print(f"{command[0]}: {fault.strerror}", flush=True)
        os._exit(127)


def main():
    parent, memory, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, end_now)
    tell_kernel(PR_SET_CHILD_SUBREAPER, 1)
    tell_kernel(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(128 + signal.SIGTERM)
    child = os.fork()
    if child == 0:
        become(command, memory)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            break
    end_everything()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
