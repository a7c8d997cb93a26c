"""How connections are secured: our certificate, the authorities we trust, and how we prove who we are."""

from pathlib import Path

from pydantic import Field, model_validator

from agr.settings.section import Name, Section, VariableName, WebAddress


class Tls(Section):
    """Our web server's certificate, and the authorities we trust; both directions need TLS 1.2 or newer."""

    certificate_file: Path | None = Field(
        default=None, description="Our server's certificate chain (PEM); none: plain HTTP, behind a proxy."
    )
    key_file: Path | None = Field(default=None, description="Private key of that certificate (PEM).")
    authorities_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign counterparties' certificates; none: the system's. Feeds, BRPs, bids' "
        "and setpoints' webhooks may also have those of the system.",
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "Tls":
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together; set both or neither")
        return self


class ClientCertificate(Section):
    """A certificate that proves to a counterparty who we are."""

    certificate_file: Path = Field(description="Certificate chain (PEM).")
    key_file: Path = Field(description="Its private key (PEM).")


class ClientCredentials(Section):
    """OAuth 2.0 client credentials for a counterparty that asks for an access token. Source: RFC 6749, 4.4."""

    token_url: WebAddress = Field(description="Where tokens are issued; https.")
    client_id: Name = Field(description="Our name there.")
    client_secret_env: VariableName = Field(description="Environment variable with our secret; never in this file.")
    scope: str = Field(default="", description="Scope to ask for; empty: none.")
