"""Log-in with an account of the company: OpenID Connect."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from agr.settings.section import Name, Section, VariableName, WebAddress

RoleName = Literal["viewer", "analyst", "operator", "admin"]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Oidc(Section):
    """An identity provider (OpenID Connect) whose people may log in, beside local accounts."""

    issuer: WebAddress = Field(description="The provider's issuer, exactly as it names itself; https.")
    client_id: Name = Field(description="Our name there.")
    client_secret_env: VariableName | None = Field(
        default=None, description="Environment variable with our secret; none: a public client, by PKCE alone."
    )
    label: str = Field(default="your company's account", description="What the log-in page calls it.")
    scope: str = Field(default="openid profile email", description="Scopes to ask for; openid is needed.")
    name_claim: Name = Field(default="email", description="Claim of the ID token that is the account's name.")
    trusts_addresses: bool = Field(
        default=False,
        description="The provider verifies every e-mail address, although its ID tokens do not say `email_verified`.",
    )
    roles_claim: str = Field(
        default="",
        description="Claim with a person's groups or roles; empty: an admin adds accounts and roles.",
    )
    roles: dict[Name, RoleName] = Field(
        default={}, description="Group → role here; the highest counts, and nobody else may log in."
    )
    authorities_file: Path | None = Field(
        default=None, description="Authorities (PEM) that sign the provider's certificate; none: the system's."
    )

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise ValueError("expected https: who can change the answers could log in as anybody")
        return value

    @field_validator("scope")
    @classmethod
    def _has_openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("expected the scope openid among them")
        return value

    @model_validator(mode="after")
    def _roles_belong_together(self) -> "Oidc":
        if bool(self.roles_claim) != bool(self.roles):
            raise ValueError("roles_claim and roles belong together; set both or neither")
        return self
