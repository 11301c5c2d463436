"""fsspec's HTTP with credentials that stay out of the URLs that it speaks of. Imported only where aiohttp is."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import yarl
from fsspec.implementations.http import HTTPFileSystem


class SignedHTTP(HTTPFileSystem):  # type: ignore[misc]  # fsspec need not be there where types are checked
    """Each request has the query that signs it, and the login.

    query: behind the question mark. login: (user, password). seconds: to connect, and between two reads.
    """

    def __init__(
        self,
        *,
        query: str = "",
        login: tuple[str, str] | None = None,
        seconds: tuple[int, int] = (30, 120),
        **options: Any,
    ) -> None:
        self._query = query
        client: dict[str, Any] = {
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=seconds[0], sock_read=seconds[1])
        }
        if login is not None:
            text = base64.b64encode(":".join(login).encode()).decode("ascii")
            client["headers"] = {"Authorization": f"Basic {text}"}  # which aiohttp drops where it is led elsewhere
        super().__init__(client_kwargs=client, **options)

    def encode_url(self, url: str) -> Any:
        """The URL that is asked for."""
        plain = super().encode_url(url)
        return yarl.URL(f"{plain}?{self._query}", encoded=True) if self._query else plain
