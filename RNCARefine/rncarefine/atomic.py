"""Files written whole or not at all: written next to their place under another name, then moved there."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 220
"""Bytes: systems allow 255, of which temporary names need some."""
_NEW = "-new-"
_TEMPORARY = re.compile(rf"^(\.[0-9a-f]{{8}}{_NEW})+")


@contextmanager
def written_whole(*paths: str | Path) -> Iterator[list[Path]]:
    """Yield a temporary name for each file; move them all into place when the block ends without an error.

    A temporary file lies in the folder of the file it stands for, so that the move is a rename, and has the same
    ending, so that writers that choose a format by it choose the right one. If the block or one of the moves fails
    (or Ctrl-C comes in between), no temporary file is left, and the files are as they were before.

    Args:
        paths: The files to write. Existing ones are replaced.

    Yields:
        The names to write to, in the order of ``paths``.

    Raises:
        ValueError: A path is a folder, its folder does not exist, or two paths are the same file.
        OSError: A file cannot be written. The message names it.
    """
    finals = [_checked(Path(path)) for path in paths]
    if len(set(finals)) != len(finals):
        raise ValueError(f"{', '.join(path.name for path in finals)}: two outputs are the same file. Rename one.")
    token = secrets.token_hex(4)
    temporaries = [final.with_name(f".{token}{_NEW}{final.name}") for final in finals]
    backups = [final.with_name(f".{token}-old-{final.name}") for final in finals]
    try:
        yield temporaries
        for temporary in temporaries:
            _flush(temporary)
        _commit(temporaries, finals, backups)
    except OSError as error:
        ours = dict(zip(map(str, (*temporaries, *backups)), 2 * paths, strict=True))
        if isinstance(error, BrokenPipeError) or error.errno is None or str(error.filename) not in (*ours, "None"):
            raise
        path = Path(ours.get(str(error.filename), paths[0]))
        raise OSError(
            f"{path.with_name(named(path))} cannot be written ({error.strerror}). Free space, or choose another folder."
        ) from error
    finally:
        for leftover in (*temporaries, *backups):
            leftover.unlink(missing_ok=True)


def write_bytes_whole(path: str | Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with written_whole(path) as (temporary,):
        temporary.write_bytes(data)


def write_text_whole(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8 with its line ends as they are, whole or not at all."""
    write_bytes_whole(path, text.encode("utf-8"))


def named(path: Path) -> str:
    """Return the name of a file for a message; for a temporary file, the name of the file that it stands for."""
    return _TEMPORARY.sub("", path.name)


def check_writable(path: Path) -> None:
    """Check before the work, as far as that can be known, that a file can be written in an existing folder.

    Raises:
        ValueError: The name is too long, or the folder may not be written to.
    """
    length = len(os.fsencode(path.name))
    if length > LONGEST_NAME:
        raise ValueError(
            f"{path}: the name is too long for a file ({length} bytes, at most {LONGEST_NAME}). Choose a shorter one."
        )
    if not os.access(real_path(path).parent, os.W_OK):
        raise ValueError(f"{path}: the folder {path.parent} cannot be written to. Choose another one.")


def real_path(path: Path) -> Path:
    """Return where a path leads, links followed.

    Raises:
        ValueError: It leads nowhere: a symbolic link to itself, or a name that no file can have.
    """
    try:
        final = path.resolve()
        final.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{str(path)!a}: this path leads nowhere ({reason}). Choose another one.") from error
    return final


def _checked(path: Path) -> Path:
    final = real_path(path)
    if final.is_dir():
        raise ValueError(f"{path} is a folder. Give the name of a file.")
    if not final.parent.is_dir():
        raise ValueError(f"{path}: the folder {final.parent} does not exist. Create it first.")
    return final


def _flush(path: Path) -> None:
    """Make sure that the bytes are on the disk before the rename is."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _commit(temporaries: Sequence[Path], finals: Sequence[Path], backups: Sequence[Path]) -> None:
    """Rename all files into place; if one cannot be, put back what was there before."""
    existed = [final.exists() for final in finals]
    if len(finals) > 1:  # a single rename is whole or nothing by itself
        for final, backup, there in zip(finals, backups, existed, strict=True):
            if there:
                shutil.copy2(final, backup)
    begun = 0
    try:
        for temporary, final in zip(temporaries, finals, strict=True):
            begun += 1
            os.replace(temporary, final)
    except BaseException:
        for final, backup, there in list(zip(finals, backups, existed, strict=True))[:begun]:
            if backup.exists():
                os.replace(backup, final)
            elif not there:
                final.unlink(missing_ok=True)
        raise
