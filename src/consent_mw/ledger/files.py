"""What the ledger asks of a file system: that a name is durable, and that locks and shared memory are real."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset(
    "9p afpfs afs ceph cifs fuse.glusterfs fuse.s3fs fuse.sshfs glusterfs lustre".split()
    + "nfs nfs4 smb2 smb3 smbfs webdav".split()
)


def sync_directory(directory: Path) -> None:
    """A new name is durable only once its directory is; Windows has no such call and needs none."""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_synced(directory: Path, name: str, data: bytes) -> None:
    """Written beside and renamed, so that nobody ever reads half a file; synced, so that it outlives the power.

    :param directory: made, with those above it, with mode 0700 where it does not exist
    :raises OSError: it is not known to be durable
    """
    for folder in reversed((directory, *directory.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_directory(folder.parent)
    draft = directory / f"{name}.new-{secrets.token_hex(4)}"
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / name)
        sync_directory(directory)
    finally:
        draft.unlink(missing_ok=True)


def network_file_system(path: Path) -> str | None:
    """The kind of network share that a path is on; None where it is on none, or nobody can tell."""
    if os.name == "nt":
        return "network share" if str(path.absolute()).startswith("\\\\") else None
    try:
        if sys.platform == "darwin":
            mounts = bsd_mounts(subprocess.check_output(["/sbin/mount"], text=True, timeout=5))
        else:
            mounts = linux_mounts(MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except (OSError, subprocess.SubprocessError):
        return None
    return network_mount(os.path.realpath(path.parent), mounts)


Mount = tuple[str, str]
"""Where a file system is mounted, and its kind."""


def network_mount(directory: str, mounts: Iterable[Mount]) -> str | None:
    """Of the mounts that hold a directory the last one with the longest path counts: the kind, if of a network."""
    kind, longest = "", -1
    for point, candidate in mounts:
        if len(point) >= longest and (directory + "/").startswith(point.rstrip("/") + "/"):
            kind, longest = candidate, len(point)
    return kind if kind in NETWORK_FILE_SYSTEMS else None


def linux_mounts(text: str) -> Iterator[Mount]:
    """From ``/proc/self/mountinfo``; a blank is written as ``\\040`` there."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        yield before.split(" ")[4].encode().decode("unicode_escape"), after.split(" ")[0]


def bsd_mounts(text: str) -> Iterator[Mount]:
    """From what ``mount`` prints on macOS and the BSDs: ``SOURCE on POINT (KIND, OPTION, …)``."""
    for line in text.splitlines():
        before, _, after = line.rpartition(" (")
        yield before.partition(" on ")[2], after.rstrip(")").partition(",")[0]
