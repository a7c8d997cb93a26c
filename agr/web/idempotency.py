"""Idempotency keys: an action that is sent twice is done once and answered the same."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from agr.domain.errors import AgrError, ConflictError, StoreError
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import Done
from agr.store import audit_log
from agr.web.http_status import status_of
from agr.web.schemas import Did
from agr.web.security import context_of

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=128, pattern="^[!-~]+$",
        description="Any text of your choice: a repeated request with the same text is not done again.",
    ),
]  # fmt: skip


def act_once(
    request: Request, principal: Principal, key: str | None, given: BaseModel, act: Callable[[], Done]
) -> Response:
    """Do an action, or repeat the first answer; see `answer_once`."""
    return answer_once(request, principal, key, given, lambda: Did.model_validate(vars(act())))


def answer_once(
    request: Request, principal: Principal, key: str | None, given: BaseModel, act: Callable[[], BaseModel]
) -> Response:
    """Do something and answer its result, or repeat the first answer when this caller has sent the key before.

    Refusals are remembered too; after a failure that was not the caller's fault, the action may be tried again.
    Raises ConflictError for a key of another request, or of one under way.
    """
    if key is None:
        return JSONResponse(act().model_dump(mode="json"))
    store, now = context_of(request).store, context_of(request).clock.now()
    text = f"{request.method} {request.url.path}\n{given.model_dump_json()}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    with store.transaction() as tx:
        before = audit_log.remember(tx, key, principal.label, digest, now)
    if before is not None:
        if before.digest != digest:
            raise ConflictError("this Idempotency-Key belongs to another request; choose a new one")
        if before.status is None:
            raise ConflictError("the first request with this Idempotency-Key is under way; try again in a moment")
        headers = {"Idempotent-Replay": "true"}
        return Response(before.body, status_code=before.status, media_type="application/json", headers=headers)
    try:
        answer = JSONResponse(act().model_dump(mode="json"))
    except BaseException as error:
        if not isinstance(error, AgrError) or isinstance(error, StoreError):  # not the caller's fault
            with store.transaction() as tx:
                audit_log.give_up(tx, key, principal.label)
            raise
        answer = JSONResponse({"error": str(error)}, status_code=status_of(error))
    with store.transaction() as tx:
        audit_log.answered(tx, key, principal.label, answer.status_code, bytes(answer.body).decode())
    return answer
