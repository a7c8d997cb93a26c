"""What a page holds: elements by XPath, and the token that its forms send."""

import re
from typing import Any

import httpx
from lxml import html


def found(page: str, path: str) -> list[Any]:
    """Return the elements of a page, or their texts, at an XPath."""
    at: Any = html.fromstring(page).xpath(path)
    return list(at)


def csrf_token(client: httpx.Client) -> str:
    """Return the token of somebody's log-in, as the forms of every page have it."""
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)
    assert token is not None
    return token[1]
