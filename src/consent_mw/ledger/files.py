"""What the ledger asks of a file system: that a name is durable, and that locks and shared memory are real."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset(
    "9p afs ceph cifs fuse.glusterfs fuse.s3fs fuse.sshfs glusterfs lustre nfs nfs4 smb2 smb3 smbfs".split()
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


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """The kind of network share that a path is on; None where it is on none, or nobody can tell.

    :param mounts: text of ``/proc/self/mountinfo``, read from there when absent (Linux)
    """
    if os.name == "nt":
        return "network share" if str(path.absolute()).startswith("\\\\") else None
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    real, kind, longest = os.path.realpath(path.parent), None, -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].encode().decode("unicode_escape")  # a blank is written as \040
        if len(point) >= longest and (real + "/").startswith(point.rstrip("/") + "/"):
            kind, longest = after.split(" ")[0], len(point)
    return kind if kind in NETWORK_FILE_SYSTEMS else None
