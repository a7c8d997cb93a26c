"""One command behind a form and the JSON API: no form does anything that a program could not do in the same way."""

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import get_type_hints

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

import agr.web
from agr.web import api
from agr.web.action_routes import ACTIONS
from agr.web.context import WebContext

PEOPLE_ONLY = {"agr.web.login", "agr.web.account_forms"}
"""Log-in, accounts and tokens: what only people may manage."""
WRITES = re.compile(r"\b(insert|update|delete|insert_ignore|upsert)\(")


def taking_posts(routes: Sequence[BaseRoute]) -> list[tuple[str, Callable[..., object]]]:
    """Return path and function of everything that takes a POST."""
    found = [(str(one.path), one.endpoint) for one in iter_route_contexts(routes) if "POST" in (one.methods or ())]
    return [(path, endpoint) for path, endpoint in found if endpoint is not None]


API = taking_posts(api.router.routes)


def forms() -> list[tuple[str, Callable[..., object]]]:
    """Return path and function of everything that takes a POST and is no part of the JSON API."""
    modules = [import_module(f"agr.web.{found.name}") for found in iter_modules(agr.web.__path__)]
    routers = [getattr(module, name) for module in modules for name in ("router", "form_router")
               if hasattr(module, name)]  # fmt: skip
    served = {endpoint for _, endpoint in API}
    found = {pair for router in routers for pair in taking_posts(router.routes) if pair[1] not in served}
    return sorted(found, key=lambda pair: pair[0])


def behind(endpoint: Callable[..., object]) -> str | None:
    """Return the name of the action that an endpoint of `action` serves; None where a page serves it itself."""
    found = inspect.getclosurevars(endpoint).nonlocals.get("do")
    return found.__name__ if found is not None else None


OWN = [(path, form) for path, form in forms() if behind(form) is None and form.__module__ not in PEOPLE_ONLY]
"""Forms that pages serve themselves: they show what was entered before it is done."""


def reached(module: ModuleType, name: str) -> list[ast.FunctionDef]:
    """Return a function of a module, and all functions of that module that it calls, directly or not."""
    known = {one.name: one for one in ast.parse(inspect.getsource(module)).body if isinstance(one, ast.FunctionDef)}
    found, left = {}, [name]
    while left:
        one = left.pop()
        if one in known and one not in found:
            found[one] = known[one]
            left += [node.id for node in ast.walk(known[one]) if isinstance(node, ast.Name)]
    return list(found.values())


def commands() -> set[str]:
    """Return the methods of what pages work with that change something: all are told by whom."""
    return {
        name for part in get_type_hints(WebContext).values() if inspect.isclass(part)
        for name, method in inspect.getmembers(part, inspect.isfunction) if "by" in inspect.signature(method).parameters
    }  # fmt: skip


def changes(module: ModuleType, functions: list[ast.FunctionDef]) -> set[str]:
    """Return what functions of a module do themselves: commands they call, and what they write into the store."""
    found = set()
    for node in (node for function in functions for node in ast.walk(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func
            owner = getattr(module, called.value.id, None) if isinstance(called.value, ast.Name) else None
            if inspect.ismodule(owner) and owner.__name__.startswith("agr.store"):
                source = inspect.getsource(getattr(owner, called.attr))
                found |= {f"{owner.__name__}.{called.attr}"} if WRITES.search(source) else set()
            elif owner is None and called.attr in commands():
                found.add(called.attr)
    return found


def performed(functions: list[ast.FunctionDef]) -> set[str]:
    return {
        ast.literal_eval(node.args[2]) for function in functions for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "perform"
    }  # fmt: skip


def test_forms_of_actions_and_their_endpoints_have_one_function_behind_them() -> None:
    endpoints = {path.removeprefix("/api/v1"): behind(endpoint) for path, endpoint in API}
    served = {path.removeprefix("/do"): name for path, found in forms() if (name := behind(found)) is not None}
    assert len(served) > 20
    for path, name in served.items():
        assert endpoints[path] == name
        assert name in ACTIONS


def test_pages_with_forms_of_their_own_are_those_that_show_what_was_entered_first() -> None:
    assert [path for path, _ in OWN] == [
        "/awards/{day_}/{market:path}", "/register/{table}/edit", "/register/{table}/new", "/register/{table}/remove",
        "/reservations/{day_}/{contract:path}",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "form"), OWN, ids=[path for path, _ in OWN])
def test_a_page_with_a_form_of_its_own_changes_nothing_but_by_an_action(path: str, form: Callable[..., object]) -> None:
    module = import_module(form.__module__)
    functions = reached(module, form.__name__)
    done = performed(functions)
    assert len(done) == 1, f"{path} does {done or 'nothing'} by an action"
    assert done <= ACTIONS.keys() & {behind(endpoint) for _, endpoint in API}
    assert changes(module, functions) == set(), f"{path} changes something past the action"


def test_a_form_that_goes_past_the_actions_would_be_found() -> None:
    module = import_module("agr.web.reservation_page")
    direct = "def f(tx, context, who):\n context.manual_inputs.reserve(who, 'c')\n day.put_trigger(tx, None)"
    tree = ast.parse(direct).body
    assert changes(module, [one for one in tree if isinstance(one, ast.FunctionDef)]) == {
        "reserve", "agr.store.day.put_trigger",
    }  # fmt: skip


def test_only_people_manage_accounts() -> None:
    """The JSON API has no operation on accounts, so that a stolen token makes no other one."""
    there = {str(one.path) for one in iter_route_contexts(api.router.routes)}
    assert len(there) > 50
    assert not {path for path in there if re.search("account|token|login|setup", path)}
