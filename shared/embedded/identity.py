"""As whom a server runs: PostgreSQL refuses to be root, so root must become somebody else, loosening no folder."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
_CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True, slots=True)
class Identity:
    """The user a child process runs as: the caller, another user, or "nobody" of a user namespace of its own."""

    uid: int | None = None
    gid: int | None = None
    own_namespace: bool = False

    def owner(self) -> tuple[int, int] | None:
        """Return the user and group that files must belong to, or None when the caller's own will do."""
        return (self.uid, self.gid) if self.uid is not None and self.gid is not None else None

    def enter(self) -> Callable[[], None]:
        """Return what the child must do between fork and exec to enter its namespace."""
        if not self.own_namespace:
            return lambda: None
        return _namespace_entry()

    def works(self) -> bool:
        """Tell whether this machine lets a child take the identity."""
        try:
            result = subprocess.run(
                ["/bin/sh", "-c", "test $(id -u) -ne 0"],
                user=self.uid,
                group=self.gid,
                extra_groups=[] if self.uid is not None else None,
                preexec_fn=self.enter(),
                capture_output=True,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return result.returncode == 0


AS_CALLER = Identity()
IN_NAMESPACE = Identity(own_namespace=True)
AS_NOBODY = Identity(uid=NOBODY, gid=NOBODY)


def _namespace_entry() -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()

    def enter() -> None:
        if libc.unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{NOBODY} {uid} 1"),
            ("gid_map", f"{NOBODY} {gid} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, content.encode())
            os.close(descriptor)

    return enter


def has_namespaces() -> bool:
    """Tell whether this machine lets root enter a user namespace of its own (containers often do not)."""
    return sys.platform == "linux" and IN_NAMESPACE.works()


def choose_identity(folder: Path, data: Path, has_namespaces: Callable[[], bool] = has_namespaces) -> Identity | None:
    """Return the identity for a server with these files, or None when root has no way to become somebody else."""
    if os.geteuid() != 0:
        return AS_CALLER
    if data.exists() and data.stat().st_uid != 0:
        return Identity(data.stat().st_uid, data.stat().st_gid)
    if has_namespaces():
        return IN_NAMESPACE
    is_possible = not data.exists() and is_reachable_by_others(folder) and AS_NOBODY.works()
    return AS_NOBODY if is_possible else None


def is_reachable_by_others(path: Path) -> bool:
    """Tell whether every existing folder on the way to the path may be passed by any user."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents if parent.exists())
