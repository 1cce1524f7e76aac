"""A small file system in memory that only this process and its children see, and that vanishes with them."""

import ctypes
import os
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


class NoSmallDiskError(Exception):
    """This machine lets no process mount a file system of its own; the text says why."""


def mount_small_disk(folder: Path, megabytes: int) -> None:
    """Mount a tmpfs on `folder` in a mount namespace of this process's own; call it before any thread is started."""
    folder.mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        _call(libc.unshare(_CLONE_NEWNS), "a mount namespace")
    else:
        # In a user namespace of one's own one may mount; our user stays who it is.
        _call(libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER), "a user namespace")
        for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            Path(f"/proc/self/{name}").write_text(content, encoding="ascii")
    _call(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "a private mount tree")
    options = f"size={megabytes}m,mode=0711".encode()
    _call(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options), "a tmpfs")


def _call(result: int, what: str) -> None:
    if result != 0:
        raise NoSmallDiskError(f"{what} is not permitted here: {os.strerror(ctypes.get_errno())}")


class Ballast:
    """A file that takes all the space that is left."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ballast"

    def load(self) -> int:
        """Fill the file system to the last block and return how many bytes that took."""
        block = bytes(64 * 1024)
        with self._file.open("wb", buffering=0) as file:
            for size in (len(block), 4096):
                try:
                    while file.write(block[:size]) == size:
                        pass
                except OSError:
                    continue
        return self._file.stat().st_size

    def drop(self) -> None:
        """Give the space back; harmless when it was never taken."""
        self._file.unlink(missing_ok=True)
