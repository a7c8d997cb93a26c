"""Calls the running daemon's JSON API, as any other client would."""

import os
import uuid
from typing import Any

import httpx

from agr.domain.errors import AgrError, InputError
from agr.settings import Settings

TOKEN = "AGR_TOKEN"  # noqa: S105 - the variable's name
SCOPES = "--scope read --scope preview --scope act"
"""The scopes with which a token may run every command; no scope includes another."""
TIMEOUT_S = 30.0


def address_of(settings: Settings) -> str:
    """Return the URL of the daemon's API. Raises InputError when only the running daemon knows its port."""
    page = settings.operators
    if page.public_url:
        return page.public_url.rstrip("/")
    port = page.listen_port if page.listen_port is not None else settings.listen_port and settings.listen_port + 1
    if not port:
        raise InputError("the daemon chose its own port; give its address with --url (it printed it at its start)")
    return f"http://{page.listen_host}:{port}"


class Client:
    """The calls of one command. Each action carries an idempotency key, so a retry has no second effect."""

    def __init__(self, url: str) -> None:
        token = os.environ.get(TOKEN, "")
        if not token:
            raise InputError(
                f"set {TOKEN} to an API token; on the daemon's machine, `agr accounts token NAME {SCOPES}` makes one "
                "that may use every command"
            )
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: Any) -> Any:
        """Return the resource at a path. Raises AgrError."""
        return self._ask("GET", path, params={k: v for k, v in query.items() if v is not None})

    def act(self, path: str, **given: Any) -> Any:
        """Perform the action at a path and return its answer. Raises AgrError."""
        return self._ask("POST", path, json=given, headers={"Idempotency-Key": str(uuid.uuid4())})

    def _ask(self, method: str, path: str, *, headers: "dict[str, str] | None" = None, **more: Any) -> Any:
        headers = self._headers | (headers or {})
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=2), timeout=TIMEOUT_S) as http:
                answer = http.request(method, f"{self._url}/api/v1{path}", headers=headers, **more)
        except httpx.HTTPError as error:
            raise AgrError(
                f"no daemon answers at {self._url} ({error}); is it running? If so, give its address with --url"
            ) from error
        try:
            found = answer.json()
        except ValueError as error:
            raise AgrError(
                f"{self._url} answered HTTP {answer.status_code}, which is not an answer of this API; check --url"
            ) from error
        if answer.is_error:
            raise AgrError(str(found.get("error", found)))
        return found
