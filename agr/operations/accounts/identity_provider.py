"""Speaks OpenID Connect with an identity provider: the code flow with PKCE, a nonce, and a checked ID token.

Source: OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207. Signatures are checked by joserfc, claims by authlib.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, Generic, TypeVar

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from agr.domain.errors import AccessError
from agr.operations.accounts.authentication import Person
from agr.operations.accounts.roles import ROLES
from agr.settings.oidc import Oidc
from agr.uftp.connections import tls_context

log = structlog.get_logger()

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signature algorithms that are accepted: none that uses a shared secret, and not `none`."""
_KEPT_S = 3600.0
"""Seconds for which the provider's description and keys are used without asking again."""
_TIMEOUT_S = 10.0
_AT_ONCE = 4
"""Most requests to the provider at once: if it hangs, the other threads of the operators' page go on."""
_FAILED_S = 10.0
"""Seconds for which the provider is not asked again after it did not answer."""
_LEEWAY_S = 60
"""Seconds by which the provider's clock may differ from ours."""
_LONGEST = 1_000_000
Found = TypeVar("Found")
_PLACES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A log-in under way; kept by the browser that began it."""

    state: str
    nonce: str
    verifier: str
    back: str


def begin_attempt(back: str) -> Attempt:
    """Return a new log-in attempt."""
    return Attempt(
        state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), back=back
    )


@dataclass(frozen=True, kw_only=True)
class _Described:
    """What the provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    tells_issuer: bool  # in its redirects, RFC 9207


class _Kept(Generic[Found]):
    """What the provider told, kept for a while. Only one thread asks; others use what is there, if anything."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: tuple[float, Found] | None = None
        self._failed: tuple[float, AccessError] | None = None
        self._asking = False

    def get(self, ask: Callable[[], Found], *, anew: bool = False) -> Found:
        """Return what is known, asked for where it is old; what was known before serves while asking fails.

        Raises AccessError: the failure where nothing is known, also for some seconds after it.
        """
        now = time.monotonic()
        with self._lock:
            known = self._found
            if known is not None and not anew and now - known[0] <= _KEPT_S:
                return known[1]
            failed = self._failed if self._failed and now - self._failed[0] <= _FAILED_S else None
            busy = self._asking
            if failed is None and not busy:
                self._asking = True
        if failed is not None or busy:
            if known is not None:
                return known[1]
            raise failed[1] if failed else _unusable("somebody else waits for its answer; try again in some seconds")
        try:
            found = ask()
        except AccessError as error:
            with self._lock:
                self._failed = time.monotonic(), error
            if known is None:
                raise
            return known[1]
        else:
            with self._lock:
                self._found, self._failed = (time.monotonic(), found), None
            return found
        finally:
            with self._lock:
                self._asking = False


class IdentityProvider:
    """One provider. Thread-safe."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings
        context = tls_context(settings.authorities_file, setting="operators.oidc.authorities_file")
        self._http = httpx.Client(timeout=_TIMEOUT_S, verify=context, follow_redirects=False)
        self._places = BoundedSemaphore(_AT_ONCE)
        self._description: _Kept[_Described] = _Kept()
        self._keys: _Kept[KeySet] = _Kept()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def try_it(self) -> None:
        """Ask the provider what it says of itself. Raises AccessError where it does not answer, or not as it must."""
        self._described()

    def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Return where the browser logs in. Raises AccessError."""
        challenge = create_s256_code_challenge(attempt.verifier)
        return str(
            prepare_grant_uri(
                self._described().authorization_endpoint, self._settings.client_id, "code", redirect_uri=redirect_uri,
                scope=self._settings.scope, state=attempt.state, nonce=attempt.nonce, code_challenge=challenge,
                code_challenge_method="S256",
            )
        )  # fmt: skip

    def person(self, attempt: Attempt, answer: Mapping[str, str], redirect_uri: str) -> Person:
        """Return who logged in, from what the provider sent the browser back with. Raises AccessError."""
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise _refused("the answer belongs to no log-in that this browser began; try again")
        described = self._described()
        issuer = answer.get("iss")
        if (issuer or described.tells_issuer) and issuer != self._settings.issuer:
            raise _refused(f"the answer is of {issuer or 'nobody'}, not of {self._settings.issuer}")
        if "error" in answer:
            raise _refused(f"the provider refused: {answer.get('error_description') or answer['error']}"[:300])
        token = self._token(described, answer.get("code", ""), attempt, redirect_uri)
        return self._vouched(self._claims(token, attempt.nonce))

    def _token(self, described: _Described, code: str, attempt: Attempt, redirect_uri: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier, "client_id": self._settings.client_id,
        }  # fmt: skip
        auth = None
        if self._settings.client_secret_env:
            secret = os.environ.get(self._settings.client_secret_env)
            if not secret:
                raise _unusable(f"the environment variable {self._settings.client_secret_env} is not set")
            auth = httpx.BasicAuth(self._settings.client_id, secret)
        answer = self._ask("POST", described.token_endpoint, data=form, auth=auth)
        if "id_token" not in answer:
            raise _unusable("it answered without an ID token; is the scope openid allowed for us?")
        return answer

    def _claims(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Return the checked claims of an ID token: signature, issuer, audience, times, nonce, access token."""
        text = str(token["id_token"])
        try:
            try:
                read = jwt.decode(text, self._key_set(), algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):  # perhaps it has new keys
                read = jwt.decode(text, self._key_set(anew=True), algorithms=list(ALGORITHMS))
            options = {
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
            }
            params = {
                "nonce": nonce, "client_id": self._settings.client_id, "access_token": token.get("access_token"),
            }  # fmt: skip
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(now=int(time.time()), leeway=_LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            log.warning("access.refused", why=f"{type(error).__name__}: {error}"[:300])
            raise _refused(f"the provider's ID token is not valid: {error}"[:300]) from error
        return dict(read.claims)

    def _vouched(self, claims: Mapping[str, Any]) -> Person:
        name, wanted = claims.get(self._settings.name_claim), self._settings.name_claim
        if not isinstance(name, str) or not name.strip():
            raise _refused(f"the ID token has no claim {wanted!r}; change operators.oidc.name_claim or the scope")
        trusted = self._settings.trusts_addresses
        if wanted == "email" and claims.get("email_verified") is not True and not trusted:
            raise _refused(
                f"the provider has not verified that {name} is yours, or does not say so (email_verified); if it "
                "verifies every address, an admin may set operators.oidc.trusts_addresses"
            )
        subject = hashlib.sha256(f"{self._settings.issuer}\n{claims['sub']}".encode()).hexdigest()
        if not self._settings.roles_claim:
            return Person(subject=subject, name=name, role=None)
        role = self._role(claims)
        named = ", ".join(self._settings.roles)
        outside = "" if role else f"you are in none of the groups that may log in here: {named}"
        return Person(subject=subject, name=name, role=role, outside=outside)

    def _role(self, claims: Mapping[str, Any]) -> str | None:
        """Return the highest role that somebody's groups give; None: none."""
        found = claims.get(self._settings.roles_claim, ())
        groups = set(found.split() if isinstance(found, str) else map(str, found) if isinstance(found, list) else ())
        roles = [role for group, role in self._settings.roles.items() if group in groups]
        return max(roles, key=list(ROLES).index, default=None)

    def _described(self) -> _Described:
        return self._description.get(self._describe)

    def _describe(self) -> _Described:
        """Ask the provider what it says of itself. Raises AccessError."""
        address = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._ask("GET", address)
        if found.get("issuer") != self._settings.issuer:
            raise _unusable(
                f"it calls itself {found.get('issuer')!r}, not {self._settings.issuer!r}: correct operators.oidc.issuer"
            )
        try:
            places = {name: str(found[name]) for name in _PLACES}
        except KeyError as error:
            raise _unusable(f"its description has no {error}") from error
        tells = found.get("authorization_response_iss_parameter_supported") is True
        return _Described(tells_issuer=tells, **places)

    def _key_set(self, *, anew: bool = False) -> KeySet:
        return self._keys.get(self._fetch_keys, anew=anew)

    def _fetch_keys(self) -> KeySet:
        found: Any = self._ask("GET", self._described().jwks_uri)
        return KeySet.import_key_set(found)

    def _ask(self, method: str, address: str, **more: Any) -> Mapping[str, Any]:
        if not self._places.acquire(blocking=False):
            raise _unusable("too many people wait for its answer; try again in some seconds")
        try:
            answer = self._http.request(method, address, **more)
            found = answer.json() if len(answer.content) <= _LONGEST else None
        except (httpx.HTTPError, ValueError) as error:
            raise _unusable(f"{address} does not answer: {error or type(error).__name__}") from error
        finally:
            self._places.release()
        if answer.status_code == 400 and isinstance(found, dict) and found.get("error") == "invalid_grant":
            raise _refused("the provider does not know this log-in (invalid_grant); try again")
        if answer.status_code != 200 or not isinstance(found, dict):
            why = found.get("error_description") or found.get("error") if isinstance(found, dict) else ""
            raise _unusable(f"{address} answers {answer.status_code} {why or ''}".strip()[:300])
        return found


def _refused(words: str) -> AccessError:
    return AccessError(words, status=401)


def _unusable(words: str) -> AccessError:
    log.warning("access.provider_failed", why=words)
    return AccessError(f"the identity provider cannot be used: {words}; local accounts still work", status=503)
