"""Serves an action twice: as a JSON endpoint (once per Idempotency-Key) and as a form (with a CSRF token).

Both take the same fields, validated by the same model. After a form, the next page states what was done.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError, create_model

from agr.domain.errors import InputError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.store.approvals import Approval
from agr.web import schemas as a
from agr.web.context import WebContext
from agr.web.idempotency import Key, act_once
from agr.web.login import safe_path
from agr.web.security import COOKIE, api_for, check_csrf, context_of, narrowed, page_for

api_router = APIRouter()
form_router = APIRouter(prefix="/do", include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Do = TypeVar("Do", bound=Callable[..., Done])
Fields = TypeVar("Fields", bound=BaseModel)
Stricter = Callable[[Any], Permission | None]
Pin = Callable[[WebContext, Any], tuple[BaseModel, str]]


class FormFrame(BaseModel):
    """What every form carries besides its fields: the session's CSRF token, and the page that showed the form."""

    csrf: str = Field(default="", max_length=200)
    back: str = Field(default="", max_length=2000)


@dataclass(frozen=True, kw_only=True)
class NamedAction:
    """An action by its name, for whoever approves it later."""

    do: Callable[..., Done]
    permission: Permission
    stricter: Stricter
    fields: type[BaseModel]
    pin: Pin

    def needed(self, given: BaseModel) -> Permission:
        """Return the strictest permission that these values need."""
        return self.stricter(given) or self.permission


ACTIONS: dict[str, NamedAction] = {}
"""Name of an action's function → the action."""

UNREADABLE = "was kept by another version and cannot be read; refuse it, then ask for it again"


def asked_for(one: Approval) -> tuple[NamedAction, BaseModel] | None:
    """Return the action that waits, and its fields, read again; None where this version cannot read them."""
    found = ACTIONS.get(one.action)
    if found is None:
        return None
    try:
        return found, found.fields.model_validate(one.given)
    except ValidationError:
        return None


def perform(context: WebContext, by: Principal, name: str, given: BaseModel, **names: Any) -> Done:
    """Do an action, or let it wait where the settings ask for a second person.

    Of an action with values that need a stricter permission, only these need a second person.
    """
    found = ACTIONS[name]
    careful = found.stricter is _never or found.stricter(given) is not None
    if careful and context.approvals.needed(name):
        given, words = found.pin(context, given)
        return context.approvals.ask(by, name, given.model_dump(mode="json"), names, words)
    return found.do(context, by, given, **names)


def fields_of(model: type[Fields], **values: object) -> Fields:
    """Return an action's fields as a page of its own sends them. Raises InputError."""
    try:
        return model(**values)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InputError("; ".join(faults)) from error


def _never(_given: Any) -> Permission | None:
    return None


def _as_given(_context: WebContext, given: Any) -> tuple[BaseModel, str]:
    return given, ""


def action(
    path: str,
    permission: Permission,
    *,
    stricter: Stricter = _never,
    pin: Pin = _as_given,
    then: Callable[[Done], str] = lambda _: "/",
    form: bool = True,
) -> Callable[[Do], Do]:
    """Return a decorator that serves an action as POST at `path` of the API and of the page's forms.

    `stricter`: a further permission that some values need. `pin`: before it waits for a second person, returns the
    fields bound to what is there now, so that it is done to that or not at all, and in words what it would do (empty:
    the fields say it). `then`: the page after a form that does not name one.
    `form`: False where a page has a form of its own.
    """

    def serve(do: Do) -> Do:
        parameters = list(inspect.signature(do).parameters.values())
        fields, named = parameters[2].annotation, parameters[3:]
        ACTIONS[do.__name__] = NamedAction(do=do, permission=permission, stricter=stricter, fields=fields, pin=pin)
        api_router.add_api_route(
            path, _endpoint(do, permission, stricter, fields, named), methods=["POST"], response_model=a.Did,
            name=do.__name__, description=do.__doc__,
        )  # fmt: skip
        if form:
            form_router.add_api_route(path, _form(do, permission, stricter, then, fields, named), methods=["POST"])
        return do

    return serve


def _endpoint(
    do: Callable[..., Done], permission: Permission, stricter: Stricter, fields: type[BaseModel],
    named: Sequence[inspect.Parameter],
) -> Callable[..., Response]:  # fmt: skip
    def endpoint(request: Request, principal: Principal, given: BaseModel, key: str | None, **names: Any) -> Response:
        if (more := stricter(given)) is not None:
            api_for(more)(request)
        return act_once(
            request, principal, key, given, lambda: perform(context_of(request), principal, do.__name__, given, **names)
        )

    return _taking(
        endpoint,
        [
            _parameter("principal", Annotated[Principal, Depends(api_for(permission))]),
            *named,
            _parameter("given", fields),
            _parameter("key", Key, None),
        ],
    )


def _form(
    do: Callable[..., Done], permission: Permission, stricter: Stricter, then: Callable[[Done], str],
    fields: type[BaseModel], named: Sequence[inspect.Parameter],
) -> Callable[..., Response]:  # fmt: skip
    framed = create_model(f"{fields.__name__}Form", __base__=(fields, FormFrame))

    def endpoint(request: Request, principal: Principal, given: Any, **names: Any) -> Response:
        check_csrf(request, principal, given.csrf)
        sent = given.model_fields_set & fields.model_fields.keys()  # without the frame, which is nobody else's
        plain = fields.model_validate({name: getattr(given, name) for name in sent})
        if (more := stricter(plain)) is not None:
            page_for(more)(request)
        done = perform(context_of(request), principal, do.__name__, plain, **names)
        return done_page(request, done, given.back or ("/approvals" if done.approval else then(done)))

    return _taking(
        endpoint,
        [
            _parameter("principal", Annotated[Principal, Depends(page_for(permission))]),
            *named,
            _parameter("given", Annotated[framed, Form()]),
        ],
    )


def _parameter(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _taking(endpoint: Callable[..., Response], parameters: Sequence[inspect.Parameter]) -> Callable[..., Response]:
    """Return the endpoint with the signature that FastAPI reads: keyword arguments, known only at run time.

    An action itself refuses what concerns others.
    """
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    signature = inspect.Signature([_parameter("request", Request), *keyword])
    endpoint.__signature__ = signature  # type: ignore[attr-defined]
    return narrowed(endpoint)


def done_page(request: Request, done: Done, to: str) -> Response:
    """Redirect to a page of ours, which states once what was done."""
    text = "; ".join((done.text, *(f"doubtful: {words}" for words in done.warnings)))
    context_of(request).flashes.say(request.cookies.get(COOKIE, ""), text)
    to = "/approvals" if done.approval is not None else to
    return RedirectResponse(safe_path(to), status_code=303)
