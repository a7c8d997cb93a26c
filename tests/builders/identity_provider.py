"""An identity provider on loopback: OpenID Connect by its own hand, none of our code and none of our libraries.

What it vouches for, and how it spoils it, a test says.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.builders.http_server import Asked, HttpServer, Told

Claims = dict[str, Any]


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """Return a key of its own for each name, made once per process: making one takes 0.1 s, at times 0.5 s."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class IdentityProvider:
    """Logs in whoever comes as `person`; `spoil` may change the claims, `header` the header of the ID token."""

    client_id, secret = "agr", "between us"

    def __init__(self) -> None:
        self.kid = "first"
        self.key = key_of(self.kid)
        self.person: Claims = {"sub": "4711", "email": "Olga@Example.com", "email_verified": True}
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.header: Claims = {"alg": "RS256"}
        self.signer = self.key
        self.tells_issuer = True
        self.down = False
        self.codes: dict[str, Claims] = {}
        self.asked: list[str] = []
        self._server = HttpServer(self._answer)
        self.issuer = self._server.url

    def close(self) -> None:
        self._server.close()

    def new_key(self) -> None:
        """Change keys, as providers do now and then."""
        self.kid = "second"
        self.key = self.signer = key_of(self.kid)

    def log_in(self, address: str) -> str:
        """Do what a browser and a person do at the provider; return where the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == self.client_id
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]} | ({"iss": self.issuer} if self.tells_issuer else {})
        return asked["redirect_uri"] + "?" + urlencode(back)

    def token(self, asked: Claims) -> str:
        """Return the ID token of a log-in."""
        now = int(time.time())
        claims = self.spoil(
            {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
            | self.person
        )
        head = {"typ": "JWT", "kid": self.kid} | self.header
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        if head["alg"] == "none":
            return text + "."
        return text + "." + encoded(self.signer.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))

    def _answer(self, request: Asked) -> Told | None:
        self.asked.append(request.path)
        if self.down:
            return None
        pages: dict[str, Callable[[Asked], tuple[int, object]]] = {
            "/.well-known/openid-configuration": self._described, "/keys": self._keys, "/token": self._token,
        }  # fmt: skip
        if request.path == "/authorize":  # a browser: whoever sits there is logged in already
            return Told(status=302, headers={"Location": self.log_in(request.target)})
        page = pages.get(request.path)
        status, found = page(request) if page else (404, {})
        return Told(
            status=status, body=json.dumps(found).encode(), headers={"Content-Type": "application/json"}
        )  # fmt: skip

    def _described(self, _request: Asked) -> tuple[int, object]:
        return 200, {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": self.tells_issuer,
        }  # fmt: skip

    def _keys(self, _request: Asked) -> tuple[int, object]:
        numbers = self.key.public_key().public_numbers()
        key = {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": encoded(numbers.n.to_bytes(256, "big")), "e": encoded(numbers.e.to_bytes(3, "big")),
        }  # fmt: skip
        return 200, {"keys": [key]}

    def _token(self, request: Asked) -> tuple[int, object]:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if request.headers.get("authorization") != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(asked)}
