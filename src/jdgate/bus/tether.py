"""Exec a program that dies with the process that started it (Linux; elsewhere a plain exec).

    python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT…]

`subprocess` could do this with `preexec_fn`, but that runs Python in a forked child of a
threaded daemon, where any lock another thread held at the fork is held for ever. A wrapper that
asks for the signal and then becomes the program has no such moment, and lets `subprocess`
use vfork. PR_SET_PDEATHSIG survives the exec of a program without set-uid bits.

The signal comes when the *thread* that forked ends, not only when its process does, so the
child must be started from a thread that lives as long as the daemon: the main one.

This file runs alone, before any package can be imported: standard library only.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`, to be killed when `parent` dies."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died before the signal was asked for: then nobody sends it.
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
