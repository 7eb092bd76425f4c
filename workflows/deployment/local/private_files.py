"""Keeps a server's own directory from other users of the machine: it holds keys and what members write."""

import os
import stat
from pathlib import Path

# Given to `os.umask`, it keeps what a process makes from now on to its own user.
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(directory: Path) -> Path:
    """Create a directory if needed, remove other users' rights to everything in it, and return it.

    Links are not followed, and what belongs to other users is left alone.

    Args:
        directory: the server's own, such as `.local`.
    """
    directory.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    _take_rights(directory)
    for parent, folders, files in os.walk(directory):
        for name in (*folders, *files):
            _take_rights(Path(parent, name))
    return directory


def _take_rights(path: Path) -> None:
    try:
        found = path.lstat()
        is_ours = found.st_uid == os.geteuid() and (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode))
        if is_ours and found.st_mode & OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except FileNotFoundError:  # a draft that another process has just renamed
        return
