"""Reads a downloaded file as text: plain, gzipped or zipped; UTF-8, UTF-16 or Windows' western letters."""

import codecs
import gzip
import io
import zipfile
import zlib
from pathlib import Path

from agr.domain.errors import TableError
from agr.domain.faults import number_of

_MOST_BYTES = 512 * 1024 * 1024
"""Largest unpacked file, in bytes; an archive with more is taken for damaged or hostile."""
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError)
"""Exceptions that unpacking a damaged or encrypted file may raise; zipfile raises ValueError for an offset before the
start of the file."""


def text_of(path: Path) -> tuple[str, list[str]]:
    """Return a file's text and remarks about how it was read. Raises TableError."""
    try:
        raw = _unpacked(path, path.read_bytes())
    except _UNREADABLE as error:
        words = getattr(error, "strerror", None) or f"{error}; is it damaged? download it again"
        raise TableError([f"{path}: cannot be read ({words})"]) from error
    return _decoded(path, raw)


def _unpacked(path: Path, raw: bytes) -> bytes:
    if raw[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(raw)) as packed:
            return _whole(path, packed.read(_MOST_BYTES + 1))
    return _unzipped(path, raw) if raw[:4] == b"PK\x03\x04" else raw


def _unzipped(path: Path, raw: bytes) -> bytes:
    """Return the one file of a zip archive. Raises TableError for several, and for a spreadsheet."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except zipfile.BadZipFile as error:
        words = "is a spreadsheet or a damaged zip file; save the sheet as CSV, or download the file again"
        raise TableError([f"{path}: {words}"]) from error
    with archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if "[Content_Types].xml" in names or "content.xml" in names:
            raise TableError([f"{path}: is a spreadsheet, not text; save the sheet as CSV"])
        own = [name for name in names if not name.startswith("__MACOSX/")]
        if len(own) != 1:
            held = ", ".join(own[:10]) or "nothing"
            words = f"is a zip of {number_of(len(own), 'file')} ({held}); unpack it and give one of them"
            raise TableError([f"{path}: {words}"])
        with archive.open(own[0]) as packed:
            return _whole(path, packed.read(_MOST_BYTES + 1))


def _whole(path: Path, unpacked: bytes) -> bytes:
    if len(unpacked) > _MOST_BYTES:
        raise TableError([f"{path}: holds more than {_MOST_BYTES >> 20} MiB; split it"])
    return unpacked


def _decoded(path: Path, raw: bytes) -> tuple[str, list[str]]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _is_utf16(raw):
        try:
            return raw.decode("utf-16" if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else _order(raw)), []
        except UnicodeDecodeError as error:
            raise TableError([f"{path}: is damaged UTF-16 text (byte {error.start}); save it as UTF-8"]) from error
    try:
        text, notes = raw.decode("utf-8-sig"), list[str]()
    except UnicodeDecodeError as error:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            raise TableError([f"{path}: is not text; save it as UTF-8 (byte {error.start})"]) from error
        notes = [f"{path.name} is not UTF-8; its letters were read as Windows-1252"]
    if any(sign in text[:10_000] for sign in "\x00\x01\x02\x03\x04\x05\x06"):
        raise TableError([f"{path}: is not text; save the sheet as CSV"])
    return text, notes


def _is_utf16(raw: bytes) -> bool:
    """Return whether text without a byte order mark is UTF-16: every other byte of its beginning is zero."""
    head = raw[:64]
    return len(head) >= 8 and (not any(head[0::2]) or not any(head[1::2]))


def _order(raw: bytes) -> str:
    return "utf-16-be" if not any(raw[:64:2]) else "utf-16-le"
