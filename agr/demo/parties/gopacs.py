"""A stand-in of GOPACS: token service, participants API V3, message broker, and the grid operators behind it.

PYTHON gopacs.py --role GOPACS --domain OPERATOR [--config FILE.json] [--log FILE]

Stand-alone: shares no code with the daemon; standard library and nacl only. It is built from what is publicly known of
GOPACS and was never compared with the real one. `config`: {"client_id", "client_secret", "contracts": {ID: operator},
"operators": [more domains], "token_s": life of a token}.

Events (see command_lines.py): ready, token, asked (of the participants API), received, refused, sent. Commands: `agr`
(domain, endpoint, public_key), `clock` (now), `request`, `order`, `settle`, `rotate` (operator: a new key), `revoke`
(all tokens), `unavailable` (the next `count` questions to the participants API fail).
"""

import base64
import json
import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, unquote
from urllib.request import Request, urlopen
from xml.etree import ElementTree  # nosec B405 - what our own daemon has signed

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties import command_lines
else:
    import command_lines

MESSAGES = "/shapeshifter/api/v3/message"
PARTICIPANTS = "/uftp-participants/v3/participants/"
VERSION = "3.0.0"
Attributes = dict[str, str]


class GopacsState:
    """What broker and operators know."""

    def __init__(self, lines: command_lines.Lines, domain: str, config: command_lines.Json) -> None:
        self.lines, self.config, self.lock = lines, config, Lock()
        domains = [domain, *config.get("operators", ())]
        self.domain, self.keys = domain, {name: SigningKey.generate() for name in domains}
        self.contracts: dict[str, str] = config.get("contracts", {})
        self.tokens: dict[str, float] = {}  # token → end of its life
        self.agr: Attributes = {}
        self.offset, self.failing = timedelta(0), 0
        self.offers: dict[str, tuple[Attributes, list[Attributes]]] = {}  # MessageID → offer, with its ISPs
        self.orders: dict[str, tuple[Attributes, list[Attributes]]] = {}  # OrderReference → order

    # --- token service and participants API -----------------------------------------------------------------------

    def token(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, command_lines.Json]:
        """Give a token for client credentials, in the header or in the form. Source: RFC 6749, 2.3.1 and 4.4."""
        given = (form.get("client_id", [""])[0], form.get("client_secret", [""])[0])
        if authorization.startswith("Basic "):
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            given = (unquote(name), unquote(secret))
        right = given == (self.config["client_id"], self.config["client_secret"])
        if form.get("grant_type") != ["client_credentials"] or not right:
            return 401, {"error": "invalid_client"}
        token, lasts = secrets.token_urlsafe(24), float(self.config.get("token_s", 300))
        with self.lock:
            self.tokens[token] = time.monotonic() + lasts
        self.lines.write("token", lasts=lasts, token=token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": lasts}

    def let_in(self, authorization: str) -> bool:
        """Say whether a bearer token is one of ours and still lives."""
        with self.lock:
            return self.tokens.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()

    def participant(self, path: str) -> tuple[int, command_lines.Json]:
        """Answer the participants API: by domain, or by contract and role."""
        with self.lock:
            self.failing, failed = max(self.failing - 1, 0), self.failing > 0
        steps = [unquote(step) for step in path.removeprefix(PARTICIPANTS).split("/")]
        domain = steps[0]
        if steps[0] == "contracts" and len(steps) == 4 and steps[2] == "roles":
            domain = self.contracts.get(steps[1], "") if steps[3] == "DSO" else str(self.agr.get("domain", ""))
        self.lines.write("asked", path=path, failed=failed)
        if failed:
            return 503, {"error": "later"}
        if domain not in self.keys:
            return 404, {"error": "no such participant"}
        key = base64.b64encode(bytes(self.keys[domain].verify_key)).decode()
        return 200, {"domain": domain, "publicKey": key}

    # --- messages ---------------------------------------------------------------------------------------------------

    def take(self, body: bytes) -> tuple[int, command_lines.Json]:
        """Take a message of the AGR; the operator that it is for answers an offer."""
        envelope = ElementTree.fromstring(body)  # noqa: S314 # nosec B314
        try:
            key = VerifyKey(base64.b64decode(self.agr["public_key"].removeprefix("cs1.")))
            xml = key.verify(base64.b64decode(envelope.attrib["Body"]))
        except (KeyError, BadSignatureError, ValueError) as error:
            self.lines.write("refused", status=401, text=repr(error))
            return 401, {"error": "the signature is wrong"}
        message = ElementTree.fromstring(xml)  # noqa: S314 # nosec B314
        said = dict(message.attrib)
        self.lines.write(
            "received", type=message.tag, message_id=said["MessageID"], conversation_id=said["ConversationID"],
            xml=xml.decode(), recipient=said["RecipientDomain"], result=said.get("Result", ""),
            reason=said.get("RejectionReason", ""),
        )  # fmt: skip
        if said["RecipientDomain"] not in self.keys or said["Version"] != VERSION:
            return 400, {"error": "unknown recipient or version"}
        if message.tag == "FlexOffer":
            (option,) = message.findall("OfferOption")
            self.offers[said["MessageID"]] = ({**dict(option.attrib), **said}, [dict(isp.attrib) for isp in option])
            answer = {"Result": "Accepted", "FlexOfferMessageID": said["MessageID"]}
            Thread(target=self.send, args=("FlexOfferResponse", answer, "", said), daemon=True).start()
        return 200, {}

    def send(self, root: str, more: Attributes, inner: str = "", about: Attributes | None = None) -> Attributes:
        """Send a message to the AGR in the name of an operator; `about`: the message that it answers."""
        sender = more.pop("SenderDomain", "") or (about or {}).get("RecipientDomain", self.domain)
        metadata = {
            "Version": VERSION, "SenderDomain": sender, "RecipientDomain": self.agr["domain"],
            "TimeStamp": (datetime.now(UTC) + self.offset).isoformat(timespec="seconds"),
            "MessageID": str(uuid.uuid4()), "ConversationID": (about or {}).get("ConversationID", str(uuid.uuid4())),
        } | more  # fmt: skip
        element = ElementTree.fromstring(f"<{root}>{inner}</{root}>")  # noqa: S314 # nosec B314
        element.attrib.update(metadata)
        xml = ElementTree.tostring(element, encoding="unicode")
        body = base64.b64encode(self.keys[sender].sign(xml.encode())).decode()
        sealed = f'<SignedMessage SenderDomain="{sender}" SenderRole="DSO" Body="{body}"/>'
        status = self.post(sealed.encode())
        self.lines.write("sent", type=root, xml=xml, status=status, message_id=metadata["MessageID"])
        return {**metadata, "status": str(status)}

    def post(self, sealed: bytes) -> int:
        """Post to the AGR; what is refused for now is tried again for some seconds."""
        request = Request(  # noqa: S310 - the daemon's own address
            self.agr["endpoint"], data=sealed, headers={"Content-Type": "text/xml; charset=utf-8"}
        )
        for _ in range(40):
            try:
                with urlopen(request, timeout=30) as response:  # noqa: S310 # nosec B310
                    return int(response.status)
            except HTTPError as error:
                with error:
                    status = error.code
            except URLError:
                status = 0
            if status not in (0, 401, 419, 429, 503):
                return status
            time.sleep(0.25)
        return status

    # --- commands ---------------------------------------------------------------------------------------------------

    def act(self, line: command_lines.Json) -> command_lines.Json:
        """Carry out a command."""
        found: command_lines.Json = getattr(self, f"do_{line['command']}")(line)
        return found

    def do_agr(self, line: command_lines.Json) -> command_lines.Json:
        """Know the AGR."""
        self.agr = {name: str(line[name]) for name in ("domain", "endpoint", "public_key")}
        return {}

    def do_clock(self, line: command_lines.Json) -> command_lines.Json:
        """Make TimeStamps run from `now`."""
        self.offset = datetime.fromisoformat(line["now"]) - datetime.now(UTC)
        return {}

    def do_rotate(self, line: command_lines.Json) -> command_lines.Json:
        """Give an operator a new key."""
        self.keys[str(line["operator"])] = SigningKey.generate()
        return {}

    def do_revoke(self, line: command_lines.Json) -> command_lines.Json:
        """End all tokens."""
        with self.lock:
            self.tokens.clear()
        return {}

    def do_unavailable(self, line: command_lines.Json) -> command_lines.Json:
        """Let the participants API fail."""
        self.failing = int(line["count"])
        return {}

    def do_request(self, line: command_lines.Json) -> command_lines.Json:
        """Ask for limits: `isps` [{start, duration, max, min}] of `congestion_point` in `period` under `contract`."""
        isps = "".join(
            f'<ISP Disposition="Requested" MinPower="{isp.get("min", 0)}" MaxPower="{isp.get("max", 0)}" '
            f'Start="{isp["start"]}" Duration="{isp.get("duration", 1)}"/>'
            for isp in line["isps"]
        )
        return self.send("FlexRequest", {
            "SenderDomain": str(line.get("operator", "")), "ISP-Duration": "PT15M", "TimeZone": "Europe/Amsterdam",
            "Period": line["period"], "CongestionPoint": line["congestion_point"], "ContractID": line["contract"],
            "Revision": str(line.get("revision", 1)), "ExpirationDateTime": line["expires"],
            "ServiceType": "CSC-A",
        }, isps)  # fmt: skip

    def do_order(self, line: command_lines.Json) -> command_lines.Json:
        """Order the newest offer as it is."""
        offer, isps = list(self.offers.values())[-1]
        same = ("ISP-Duration", "TimeZone", "Period", "CongestionPoint", "ContractID", "Currency", "Price")
        inner = "".join(ElementTree.tostring(ElementTree.Element("ISP", isp), encoding="unicode") for isp in isps)
        order = self.send("FlexOrder", {
            **{name: offer[name] for name in same if name in offer}, "BaselineReference": "",
            "FlexOfferMessageID": offer["MessageID"], "OrderReference": str(line["reference"]),
        }, inner, about={name: offer[name] for name in ("RecipientDomain", "ConversationID")})  # fmt: skip
        self.orders[str(line["reference"])] = (order, isps)
        return order

    def do_settle(self, line: command_lines.Json) -> command_lines.Json:
        """Settle the order `reference`; the program was `beyond` W over the limit, and cost `penalty`."""
        order, isps = self.orders[str(line["reference"])]
        beyond = int(line.get("beyond", 0))
        rows = "".join(
            f'<ISP Start="{isp["Start"]}" Duration="{isp.get("Duration", "1")}" BaselinePower="0" '
            f'OrderedFlexPower="{isp["Power"]}" ActualPower="{int(isp["Power"]) + beyond}" '
            f'DeliveredFlexPower="{isp["Power"]}" PowerDeficiency="{beyond}"/>'
            for isp in isps
        )
        price, penalty = float(order["Price"]), float(line.get("penalty", 0))
        of: Attributes = {
            "OrderReference": str(line["reference"]), "Period": order["Period"], "ContractID": order["ContractID"],
            "CongestionPoint": order["CongestionPoint"], "Price": order["Price"], "Penalty": f"{penalty:.2f}",
            "NetSettlement": f"{price - penalty:.2f}",
        }  # fmt: skip
        words = " ".join(f'{name}="{value}"' for name, value in of.items())
        inner = (
            f"<FlexOrderSettlement {words}>{rows}</FlexOrderSettlement>"
            f'<ContractSettlement ContractID="{order["ContractID"]}"><Period Period="{order["Period"]}">'
            '<ISP Start="1" Duration="1" ReservedPower="0"/></Period></ContractSettlement>'
        )
        more = {"PeriodStart": order["Period"], "PeriodEnd": order["Period"], "Currency": order["Currency"]}
        return self.send("FlexSettlement", {"SenderDomain": order["SenderDomain"], "Result": "Accepted", **more}, inner)


class GopacsHandler(command_lines.JsonHandler):
    """Everything of GOPACS at one address."""

    gopacs: ClassVar[GopacsState]

    def do_POST(self) -> None:
        """Give a token, or take a message."""
        body = self.body()
        bearer = self.headers.get("Authorization", "")
        if self.path == "/token":
            self.say(*self.gopacs.token(bearer, parse_qs(body.decode())))
        elif self.path != MESSAGES:
            self.say(404, {})
        elif not self.gopacs.let_in(bearer):
            self.gopacs.lines.write("refused", status=401, text="no token")
            self.say(401, {"error": "no token"})
        else:
            self.say(*self.gopacs.take(body))

    def do_GET(self) -> None:
        """Answer the participants API."""
        if not self.gopacs.let_in(self.headers.get("Authorization", "")):
            self.say(401, {"error": "no token"})
        elif not self.path.startswith(PARTICIPANTS):
            self.say(404, {})
        else:
            self.say(*self.gopacs.participant(self.path))


def main() -> None:
    """Serve until told to stop."""
    given = command_lines.options(__doc__, "GOPACS").parse_args()
    lines = command_lines.own_lines(given.log)
    config: Any = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    GopacsHandler.gopacs = gopacs = GopacsState(lines, given.domain, config)
    command_lines.serve(given, lines, GopacsHandler, gopacs.act)


if __name__ == "__main__":
    main()
