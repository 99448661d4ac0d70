"""Stops a process between opening DuckDB's file and locking it, for as long as we like.

Linux only. The kernel's ptrace stops it: the process may be any program, and nothing in it knows.
"""

import ctypes
import os
import platform
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long
_SEIZE, _INTERRUPT, _SYSCALL, _DETACH, _SYSCALL_INFO = 0x4206, 0x4207, 24, 17, 0x420E
_TRACE_SYSGOOD = 1
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_EVENT_STOP = 128
_ENTRY = 1
_LONGEST = 60.0  # seconds until the file is locked
_FCNTL = {"x86_64": 72, "aarch64": 25}
_F_SETLK = 6

is_possible = os.uname().sysname == "Linux" and platform.machine() in _FCNTL


class _Call(ctypes.Structure):
    """Linux's ptrace_syscall_info at the entry of a system call."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("padding", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


def _ptrace(request: int, process: int, address: int = 0, data: int = 0) -> None:
    if _LIBC.ptrace(request, process, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {process}")


def _locks(process: int, path: Path) -> bool:
    """Whether the stopped process is about to lock that file, open in it."""
    call = _Call()
    _ptrace(_SYSCALL_INFO, process, ctypes.sizeof(call), ctypes.addressof(call))
    if (call.op, call.number, call.arguments[1]) != (_ENTRY, _FCNTL[platform.machine()], _F_SETLK):
        return False
    return Path(f"/proc/{process}/fd/{call.arguments[0]}").readlink() == path


def between_opening_and_locking(
    process: subprocess.Popen[bytes],
    path: Path,
    do: Callable[[], None],
    go: Callable[[], None],
    number: int = 1,
) -> None:
    """Call `do` while the process stands before its `number`th lock of the file, then let it go.

    `go` is called once the process can be paused; its main thread must open the file.
    All of it is done in the calling thread, since the kernel listens to no other.
    """
    path = path.resolve()
    late = threading.Timer(_LONGEST, process.kill)  # one that never locks it ends no test run
    late.start()
    _ptrace(_SEIZE, process.pid, 0, _TRACE_SYSGOOD)
    _ptrace(_INTERRUPT, process.pid)
    while True:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            late.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            raise AssertionError("the process ended without locking the file")
        stop, passed_on = os.WSTOPSIG(status), 0
        if stop == _SYSCALL_STOP and _locks(process.pid, path):
            number -= 1
            if not number:
                break
        elif status >> 16 == _EVENT_STOP:
            if go:
                go()
                go = None  # type: ignore[assignment]
        elif stop != _SYSCALL_STOP:
            passed_on = stop
        _ptrace(_SYSCALL, process.pid, 0, passed_on)
    late.cancel()
    try:
        do()
    finally:
        _ptrace(_DETACH, process.pid)
