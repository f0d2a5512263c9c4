"""Atomic file writes: each file is written under a temporary name in its folder, then renamed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 220
"""Longest file name in bytes: file systems allow 255, and temporary names add up to two prefixes of 14 bytes."""
_NEW = "-new-"
_TEMPORARY = re.compile(rf"^(\.[0-9a-f]{{8}}{_NEW})+")


@contextmanager
def written_whole(*paths: str | Path) -> Iterator[list[Path]]:
    """Yield a temporary path for each file, and rename them all into place when the block ends without an error.

    A temporary file lies in the folder of its target, so that the move is a rename, and has the same extension, so that
    writers select the right format. If the block or a rename fails, or Ctrl-C interrupts it, the temporary files are
    deleted and the targets are restored.

    Args:
        paths: Files to write. Existing files are replaced.

    Yields:
        Temporary paths to write to, in the order of ``paths``.

    Raises:
        ValueError: A path is a folder, its folder does not exist, or two paths are the same file.
        OSError: A file cannot be written. The message names the file.
    """
    finals = [_target(Path(path)) for path in paths]
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
    """Write ``data`` to ``path`` atomically."""
    with written_whole(path) as (temporary,):
        temporary.write_bytes(data)


def write_text_whole(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8 atomically; line endings are not converted."""
    write_bytes_whole(path, text.encode("utf-8"))


def named(path: Path) -> str:
    """Return the file name to show in messages: the target's name for a temporary file."""
    return _TEMPORARY.sub("", path.name)


def check_writable(path: Path, used: Iterable[Path] = (), made: Path | None = None) -> None:
    """Check in advance that a file can be written.

    Args:
        path: The file.
        used: Inputs and other outputs, which must not be overwritten.
        made: Folder that will be created, if any.

    Raises:
        ValueError: The path is a folder or one of ``used``, its folder does not exist or is not writable, or the name
            is too long.
    """
    final = _target(path, made)
    for other in used:
        if final == real_path(other) or (path.exists() and other.exists() and path.samefile(other)):
            raise ValueError(
                f"{path} is already used as an input or output and is never overwritten. Choose another name."
            )
    length = len(os.fsencode(named(path)))  # a temporary name may be checked again by a writer
    if length > LONGEST_NAME:
        raise ValueError(
            f"{path}: the file name is too long ({length} bytes, at most {LONGEST_NAME}). Choose a shorter one."
        )
    if final.parent.is_dir() and not os.access(final.parent, os.W_OK):
        raise ValueError(f"{path}: the folder {path.parent} is not writable. Choose another one.")


def real_path(path: Path) -> Path:
    """Resolve a path, following symbolic links.

    Raises:
        ValueError: The path cannot be resolved: a symbolic link to itself, or an invalid name.
    """
    try:
        final = path.resolve()
        final.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{str(path)!a}: this path cannot be resolved ({reason}). Choose another one.") from error
    return final


def _target(path: Path, made: Path | None = None) -> Path:
    """Return the resolved path of a file to write; ``made`` is a folder that will be created."""
    final = real_path(path)
    if final.is_dir():
        raise ValueError(f"{path} is a folder. Give the name of a file.")
    if not final.parent.is_dir() and (made is None or final.parent != real_path(made)):
        raise ValueError(f"{path}: the folder {final.parent} does not exist. Create it first.")
    return final


def _flush(path: Path) -> None:
    """Flush the bytes to disk before the rename."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _commit(temporaries: Sequence[Path], finals: Sequence[Path], backups: Sequence[Path]) -> None:
    """Rename all files into place; restore the previous files if a rename fails."""
    existed = [final.exists() for final in finals]
    if len(finals) > 1:  # a single rename is atomic
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
