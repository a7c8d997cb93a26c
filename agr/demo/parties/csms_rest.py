"""The CSMS's REST side: commands to stations, subscriptions, transactions; answers as CitrineOS 1.8.3 gives them.

A command is confirmed when it is on the way; what the station says goes to a callback.
Source: docs/reference/demo-csms.md.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from fastapi import FastAPI, Request, Response

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties import csms_schema
    from agr.demo.parties.csms_hooks import Hooks, stamp
    from agr.demo.parties.csms_links import Links
    from agr.demo.parties.csms_records import Records, Subscription
    from agr.demo.parties.csms_rules import objection
else:
    import csms_schema
    from csms_hooks import Hooks, stamp
    from csms_links import Links
    from csms_records import Records, Subscription
    from csms_rules import objection

Json: TypeAlias = dict[str, Any]
_MODULES = {
    "smartcharging": ("SetChargingProfile", "ClearChargingProfile", "GetChargingProfiles", "GetCompositeSchedule"),
    "reporting": ("GetBaseReport",),
    "monitoring": ("GetVariables", "SetVariables"),
    "configuration": ("GetConfiguration", "ChangeConfiguration", "TriggerMessage"),
    "evdriver": (
        "RequestStartTransaction", "RequestStopTransaction", "RemoteStartTransaction", "RemoteStopTransaction",
    ),
}  # fmt: skip
_ODD_PAYLOADS = {"GetConfiguration": "[object Object]", "GetVariables": "Batch [0]: undefined"}


@dataclass
class FaultSwitches:
    """What goes wrong on order."""

    broker: str = "up"  # up | down | half: up again, but not for us, until we are restarted
    token: str = ""  # what callers must show; empty: everybody may do everything
    half_used: bool = False


class CsmsHandler:
    """Answers over HTTP."""

    def __init__(self, records: Records, hooks: Hooks, links: Links, switches: FaultSwitches) -> None:
        self.records, self.hooks, self.links, self.switches = records, hooks, links, switches

    def app(self) -> FastAPI:
        """Return the web application."""
        app = FastAPI(openapi_url=None)
        app.add_api_route("/health", lambda: {"status": "healthy"})
        app.add_api_route("/ocpp/{protocol}/{module}/{action}", self.command, methods=["POST"])
        app.add_api_route("/data/ocpprouter/subscription", self.subscription, methods=["GET", "POST", "DELETE"])
        app.add_api_route("/data/transactions/transaction", self.transaction, methods=["GET"])
        app.add_api_route("/data/monitoring/variableAttribute", self.variable, methods=["GET"])
        return app

    async def command(self, request: Request, protocol: str, module: str, action: str) -> Response:
        """Take a command to one or more stations."""
        name = action[:1].upper() + action[1:]
        schema = csms_schema.schema(protocol, name) if protocol in ("1.6", "2.0.1") else None
        if schema is None or name not in _MODULES.get(module, ()):
            return _fault(404, "Not Found", f"Route POST:{request.url.path} not found")
        if not self._known(request):
            return _fault(401, "Unauthorized", "Unauthorized")
        try:
            body = csms_schema.checked(json.loads(await request.body() or b"{}"), schema)
        except json.JSONDecodeError as error:
            return _fault(400, "Bad Request", str(error))
        except csms_schema.BodyError as error:
            return _fault(400, "Bad Request", str(error), "FST_ERR_VALIDATION")
        stations = request.query_params.getlist("identifier")
        if not stations:
            words = "querystring must have required property 'identifier'"
            return _fault(400, "Bad Request", words, "FST_ERR_VALIDATION")
        if name == "SetChargingProfile" and request.query_params.get("tenantId", "1") != "1":
            words = 'insert or update on table "ChargingProfiles" violates foreign key constraint'
            return _fault(500, "Internal Server Error", f'{words} "ChargingProfiles_tenantId_fkey"')
        lost = self._broker()
        if isinstance(lost, Response):
            return lost
        callback = request.query_params.get("callbackUrl")
        said = [self._told(one, protocol, name, body, callback, lost=lost) for one in stations]
        return _json(said)

    def _broker(self) -> Response | bool:
        """Return how the broker fails, or whether what is confirmed is lost."""
        if self.switches.broker == "down":
            return _fault(500, "Internal Server Error", "RabbitMQ is down: cannot unsubscribe.")
        if self.switches.broker == "half" and self.switches.half_used:
            return _fault(500, "Internal Server Error", "Channel closed")
        self.switches.half_used = self.switches.broker == "half"
        return self.switches.half_used

    def _told(self, station: str, protocol: str, action: str, body: Json, callback: str | None, *, lost: bool) -> Json:
        if protocol == "2.0.1":
            words = objection(self.records, station, action, body)
            if words:
                return {"success": False, "payload": words}
            if action == "SetChargingProfile":
                self.records.put_profile(station, body["evseId"], body["chargingProfile"])
        if lost:
            return {"success": True}
        said = self.links.send(station, protocol, action, body, callback)
        return said | {"payload": _ODD_PAYLOADS[action]} if said["success"] and action in _ODD_PAYLOADS else said

    def _known(self, request: Request) -> bool:
        return not self.switches.token or request.headers.get("authorization") == f"Bearer {self.switches.token}"

    async def subscription(self, request: Request) -> Response:
        """List, make or delete subscriptions; the same one again is one more."""
        if not self._known(request):
            return _fault(401, "Unauthorized", "Unauthorized")
        asked = request.query_params
        if request.method == "GET":
            named = asked.get(self.records.station_field)
            mine = [one for one in self.records.subscriptions if named in (None, one.station)]
            return _json([_shown(one, self.records.station_field) for one in mine])
        if request.method == "DELETE":
            number = asked.get("id", "")
            kept = [one for one in self.records.subscriptions if str(one.id) != number]
            gone, self.records.subscriptions = len(self.records.subscriptions) - len(kept), kept
            self.records.keep()
            return _json(gone > 0)
        body = json.loads(await request.body())
        missing = next((name for name in (self.records.station_field, "url") if name not in body), None)
        if missing:
            return _fault(400, "Bad Request", f"body must have required property '{missing}'", "FST_ERR_VALIDATION")
        new = Subscription(
            id=max((one.id for one in self.records.subscriptions), default=0) + 1,
            station=body[self.records.station_field], url=body["url"],
            on_connect=bool(body.get("onConnect")), on_close=bool(body.get("onClose")),
            on_message=bool(body.get("onMessage")), sent_message=bool(body.get("sentMessage")),
            pattern=body.get("messageRegexFilter"), created=stamp(self.records),
        )  # fmt: skip
        self.records.subscriptions.append(new)
        self.records.keep()
        self.hooks.noticed(new)
        return _json(new.id)

    async def transaction(self, request: Request) -> Response:
        """Tell one transaction; nothing at all where there is none."""
        asked = request.query_params
        row = self.records.transaction(asked.get(self.records.station_field, ""), asked.get("transactionId", ""))
        return Response(status_code=200) if row is None else _json({k: v for k, v in row.items() if k != "tag"})

    async def variable(self, request: Request) -> Response:
        """Tell what a station has reported of its device model."""
        asked = request.query_params
        wanted = {
            "station": asked.get(self.records.station_field), "component": asked.get("component_name"),
            "variable": asked.get("variable_name"),
        }  # fmt: skip
        wanted = {name: value for name, value in wanted.items() if value is not None}
        return _json(
            [
                _attribute(one, self.records.station_field)
                for one in self.records.variables
                if wanted.items() <= one.items()
            ]
        )


def _shown(one: Subscription, station_field: str) -> Json:
    return {
        "id": one.id, station_field: one.station, "onConnect": one.on_connect, "onClose": one.on_close,
        "onMessage": one.on_message, "sentMessage": one.sent_message, "messageRegexFilter": one.pattern,
        "url": one.url, "tenantId": 1, "createdAt": one.created, "updatedAt": one.created,
    }  # fmt: skip


def _attribute(one: Json, station_field: str) -> Json:
    return {
        station_field: one["station"], "type": "Actual", "value": one["value"], "mutability": "ReadOnly",
        "component": {"name": one["component"]},
        "variable": {"name": one["variable"], "variableCharacteristics": {"valuesList": one["values"]}},
    }  # fmt: skip


def _json(content: object, status: int = 200) -> Response:
    text = json.dumps(content, separators=(",", ":"))
    return Response(text, status_code=status, media_type="application/json; charset=utf-8")


def _fault(status: int, error: str, message: str, code: str = "") -> Response:
    words: Json = {"statusCode": status, "code": code, "error": error, "message": message}
    return _json({name: value for name, value in words.items() if value}, status)
