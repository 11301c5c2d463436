"""Files of other machines, `https://…` and `s3://…`, through fsspec; and no word of who may read them.

What a URL holds of credentials (user and password, the query that signs it) goes to the server alone: whatever is
printed of a `RemotePath` is the URL without them. Nothing of fsspec is imported before such a file is opened.
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import re
import stat
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from segeval.errors import UnreadableFile
from segeval.words.extras import install
from segeval.words.printable import printable, shortened

_URL = r"(?is)(https?|s3):/{1,2}([^/].*)"  # a path has lost one of the two slashes
_ANY_URL = r"(?i)(?<![\w.])((?:https?|s3a?|gs|gcs|az|abfss?|s?ftps?):/{1,2})([^\s'\"<>]+)"
_OTHER_SCHEME = r"(?i)([a-z][a-z0-9+-]+):/"  # two letters or more: one is a drive's
_IN_EVERY_URL = ":/"  # without it no pattern is compiled, which most runs need not
_CONNECT_S, _READ_S = 30, 120
_MARKS = ("ETag", "Last-Modified", "LastModified", "VersionId")
_METADATA = ("/zarr.json", "/.zattrs", "/.zgroup", "/.zarray")
_NO_PARTS = "its server gives no parts of a file (Range); download it"
_NO_RANGES = "range requests"  # in fsspec's words
_FORBIDDEN, _SERVERS_FAULT = (401, 403, 407), 500
_UNREACHABLE = {"ClientConnectionError", "TimeoutError", "EndpointConnectionError", "ConnectTimeoutError"}
_NEEDS = {"https": "aiohttp", "http": "aiohttp", "s3": "s3fs"}


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether the text is a URL of another machine."""
    return isinstance(path, RemotePath) or _parts(os.fspath(path)) is not None


def located(path: Path) -> Path:
    """The path, one that knows its URL where it is one."""
    if isinstance(path, RemotePath) or (found := _parts(str(path))) is None:
        return path
    return RemotePath.of(f"{found[1].lower()}://{found[2]}")


def absent(path: Path, what: str = "file") -> str:
    """What to say of a path that leads nowhere."""
    if is_remote(path):
        return f"there is no such {what}, or nobody may read it; check the URL"
    return of_another_scheme(str(path)) or f"there is no such {what}; check the path"


def of_another_scheme(text: str) -> str | None:
    """What to say of a URL that is not read from where it leads; None of anything else."""
    scheme = re.match(_OTHER_SCHEME, text) if _IN_EVERY_URL in text and not is_remote(text) else None
    if scheme is None:
        return None
    if scheme[1].lower() == "file":
        return "file:// is not read; name the file by its path"
    known = ", ".join(f"{one}://" for one in _NEEDS)
    return f"{scheme[1].lower()}:// is not read; of other machines' files {known} are, so download it"


def without_secrets(text: str) -> str:
    """The text, its URLs without user, password, query and fragment."""
    return re.sub(_ANY_URL, lambda found: found[1] + _clean(found[2]), text) if _IN_EVERY_URL in text else text


def _parts(text: str) -> re.Match[str] | None:
    """Scheme, and what follows it."""
    return re.match(_URL, text) if _IN_EVERY_URL in text else None


def _clean(rest: str) -> str:
    """What follows `https://`, without credentials."""
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, behind = rest.partition("/")
    return host.rpartition("@")[2] + slash + behind


class RemotePath(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """A path of another machine. It is printed as its URL without credentials, and opened with them.

    It knows what its server said of it at first; a worker, which unpickles it, asks anew.
    """

    login: str = ""
    query: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """The path of a URL, `scheme://…`."""
        scheme, _, rest = url.partition("://")
        made = cls(f"{scheme}:/{_clean(rest)}")
        login, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
        made.login, made.query = login + at, rest.partition("#")[0].partition("?")[2]
        return made

    def __str__(self) -> str:
        return re.sub(r"^(\w+):/+", r"\1://", super().__str__())

    def __reduce__(self) -> Any:
        return (RemotePath.of, (self.url,))

    @property
    def url(self) -> str:
        """With credentials."""
        scheme, _, rest = str(self).partition("://")
        return f"{scheme}://{self.login}{rest}" + f"?{self.query}" * bool(self.query)

    def at(self, text: str) -> Self:
        """Another path with the same credentials, of what would be printed of it."""
        made = self.of(text)
        made.login, made.query, made._known = self.login, self.query, self._known
        return made

    @cached_property
    def _known(self) -> dict[str, Any]:
        """What the server said, by what is printed of the path."""
        return {}

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> BinaryIO:
        """The file, which is read in parts. Raises UnreadableFile."""
        if mode != "rb":
            raise UnreadableFile(f"{self}: is on another machine, where nothing is written")
        system = self._system()
        known = self._known.get(str(self), {}) if str(self).startswith("http") else {}  # s3fs asks which version it is
        size = known.get("size") if known.get("partial", True) else None
        file = guarded(self, lambda: system.open(str(self), "rb", size=size))
        try:
            file.seek(1)
            file.seek(0)
        except ValueError:
            raise UnreadableFile(f"{self}: {_NO_PARTS}") from None
        return io.BufferedReader(_Parts(self, file))

    def stat(self, **_: Any) -> os.stat_result:
        """The size, and the time as far as it is known. Raises FileNotFoundError."""
        size = int(self.identity()[0])
        return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, size, 0, 0, 0))

    def identity(self, *, anew: bool = False) -> tuple[str, ...]:
        """Size, and what the server says of this version; of a Zarr hierarchy, of its metadata.

        anew: now, and not when it was asked first. Raises FileNotFoundError, UnreadableFile.
        """
        if anew or str(self) not in self._known:
            self._known[str(self)] = self._asked()
        found = self._known[str(self)]
        return (str(found.get("size") or 0), *(str(found.get(mark, "")) for mark in _MARKS))

    def _asked(self) -> dict[str, Any]:
        system = self._system()
        system.invalidate_cache()
        for name in _METADATA if self.name.lower().endswith(".zarr") else ("",):
            with suppress(FileNotFoundError):
                return dict(guarded(self, partial(system.info, str(self) + name)))
        raise FileNotFoundError(str(self))

    def system(self, *, asynchronous: bool) -> Any:
        """The file system of fsspec. Raises UnreadableFile."""
        return self._system(asynchronous)

    def place_in(self, system: Any) -> str:
        """What its file system calls it."""
        return str(system._strip_protocol(str(self)))

    def _system(self, asynchronous: bool = False) -> Any:
        scheme = str(self).partition(":")[0]
        for needed in ("fsspec", _NEEDS[scheme]):
            if importlib.util.find_spec(needed) is None:
                raise UnreadableFile(f"{self}: {scheme}:// needs {needed}; install it with {install('remote')}")
        if scheme == "s3":
            if self.login or self.query:
                raise UnreadableFile(
                    f"{self}: an s3:// path holds a bucket and a key; give credentials by the environment "
                    "(AWS_ACCESS_KEY_ID, AWS_PROFILE; FSSPEC_S3_ANON=true for none)"
                )
            import fsspec

            return guarded(self, lambda: fsspec.filesystem("s3", asynchronous=asynchronous))
        from urllib.parse import unquote

        from segeval.files.signed_http import SignedHTTP

        user, _, password = self.login.removesuffix("@").partition(":")
        return SignedHTTP(
            skip_instance_cache=asynchronous,  # whose connections are closed with what is read of them
            asynchronous=asynchronous,
            query=self.query,
            login=(unquote(user), unquote(password)) if self.login else None,
            seconds=(_CONNECT_S, _READ_S),
        )


class _Parts(io.RawIOBase):
    """A file of fsspec's, whose errors are OSErrors, or say what the server does not do, without credentials."""

    def __init__(self, path: RemotePath, file: Any) -> None:
        self._path, self._file = path, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._file.readinto(buffer))
        except Exception as problem:
            if (why := not_given(problem)) is not None:
                raise UnreadableFile(f"{self._path}: {why}") from None
            raise OSError(errno.EIO, said(problem)) from None

    def close(self) -> None:
        self._file.close()
        super().close()


def guarded(path: RemotePath, read: Any) -> Any:
    """What the server gives; what goes wrong is a line without credentials. Raises UnreadableFile, OSError."""
    try:
        return read()
    except UnreadableFile:
        raise
    except Exception as problem:
        if (why := not_given(problem)) is not None:
            raise UnreadableFile(f"{path}: {why}") from None
        if isinstance(problem, FileNotFoundError):
            raise
        raise UnreadableFile(
            f"{path}: cannot be read there ({said(problem)}); check the URL and who may read it"
        ) from None


def not_given(problem: BaseException) -> str | None:
    """Why a server gives nothing, as a library's exception or one behind it tells; None where none of them does.

    fsspec makes a FileNotFoundError of whatever goes wrong while it asks for a file's size.
    """
    behind: BaseException | None = problem
    while behind is not None:
        kinds = {kind.__name__ for kind in type(behind).__mro__}
        status = getattr(behind, "status", None)
        if isinstance(behind, ValueError) and _NO_RANGES in str(behind):
            return _NO_PARTS
        if kinds & {"ClientConnectorDNSError", "gaierror"}:
            return "nobody knows a server of this name; check the URL, and this machine's network"
        if kinds & _UNREACHABLE:
            return f"its server cannot be reached ({said(behind)}); check the URL, and this machine's network"
        if status in _FORBIDDEN:
            return f"its server does not let you read it ({status}); check the URL and the credentials"
        if isinstance(status, int) and status >= _SERVERS_FAULT:
            return f"its server failed ({status}); try again later, or download it"
        behind = behind.__cause__ or behind.__context__
    return None


def said(problem: BaseException) -> str:
    """A library's words about a file of another machine, without credentials."""
    words = without_secrets(f"{type(problem).__name__}: {problem}")
    return shortened(" ".join(printable(words).split()))
