"""What every store and every client of HTTP would make anew, made once per test process or run.

Each test has a store of its own, so SQLAlchemy would compile each of its statements for it: a tenth of the processor
time of many tests. Each HTTP client would read the 140 authorities of the web, although it meets servers on this
machine only.
"""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

AUTHORITIES = "SSL_CERT_FILE"
"""Environment variable: the file of the authorities that OpenSSL and httpx trust where nothing else is said."""
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: for clients of plain HTTP, which read no authorities then, also where the environment names some."""


class _Statements(dict[Any, Any]):
    """Compiled statements for all engines of a dialect; SQLAlchemy's key begins with the engine's own dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)


def compile_statements_once() -> None:
    """Let all SQLite stores of this process share what SQLAlchemy compiles."""
    statements = _Statements()

    @sa.event.listens_for(sa.Engine, "engine_connect")
    def share(connection: sa.Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execution_options(compiled_cache=statements)


def trusting_nobody(folder: Path) -> Path:
    """Return a new file with one authority, which has certified nobody: clients trust it that are told of no other."""
    key, now = ed25519.Ed25519PrivateKey.generate(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody's authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    file = folder / "nobody.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file
