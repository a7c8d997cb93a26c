"""The channels: a POST to a web address, a mail by SMTP. Each either delivers or raises NoticeError."""

import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import httpx

from agr.connectors.posting import post as send
from agr.domain.errors import NoticeError
from agr.operations.alerts.templates import Notice, body, subject, text
from agr.settings import Email, Webhook

TIMEOUT_S = 20.0


def _secret(variable: str, channel: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise NoticeError(f"the environment variable {variable} of channel {channel} is not set")
    return value


def post(channel: Webhook, notice: Notice, client: httpx.Client) -> None:
    """POST a notice. Raises NoticeError for everything but 2xx."""
    headers = {name: _secret(variable, channel.name) for name, variable in channel.header_env.items()}
    headers["Content-Type"] = channel.content_type
    try:
        content = body(channel.template, notice).encode()
        answer = send(client, channel.url, content, headers, timeout_s=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoticeError(f"{type(error).__name__}: {error}") from error
    except UnicodeError:  # the error holds the secret, so it is not passed on
        raise NoticeError("nothing was sent: only ASCII in url and in the values of header_env") from None
    if not answer.good:
        raise NoticeError(f"it answered HTTP {answer.status}; check the address and its secret")


def mail(channel: Email, notice: Notice, tls: ssl.SSLContext) -> str:
    """Send a notice by SMTP; return which recipients the server refused, in words, while others got it.

    Raises NoticeError when nobody got it. Without the TLS that the settings ask for, nothing is sent, and no password.
    """
    message = _message(channel, notice)
    try:
        if channel.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(channel.host, channel.port, timeout=TIMEOUT_S, context=tls)
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
        with server:
            if channel.security == "starttls":
                server.starttls(context=tls)
            if channel.user and channel.password_env:
                server.login(channel.user, _secret(channel.password_env, channel.name))
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NoticeError(f"{channel.host}:{channel.port}: {_why(error)}") from error
    except UnicodeError as error:  # it may hold the password, so it is not passed on
        raise NoticeError(f"{channel.host}:{channel.port}: {_unsayable(error)}") from None
    return "; ".join(f"{who} was refused: {_answer(*said)}" for who, said in refused.items())


def _message(channel: Email, notice: Notice) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject(channel.subject, notice)
    message["From"], message["To"] = channel.sender, ", ".join(channel.recipients)
    message["Date"], message["Message-ID"] = formatdate(localtime=False), make_msgid(domain=notice.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(channel.template, notice))
    return message


def _why(error: Exception) -> str:
    """Return in words what kept a mail from being sent, and what to do."""
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not accepted ({error.verify_message}); use the name in the certificate, or name "
                "who signs it in alarms.authorities_file"
            )
        case ssl.SSLError():
            return f"TLS failed ({error.reason or error}); check port and security: tls is mostly 465, starttls 587"
        case smtplib.SMTPAuthenticationError():
            return f"the log-in was refused: {_answer(*error.args)}; check user and password_env"
        case smtplib.SMTPNotSupportedError():
            return f"nothing was sent: the server cannot do what security and user ask for ({error})"
        case smtplib.SMTPRecipientsRefused():
            return "; ".join(f"{who} was refused: {_answer(*said)}" for who, said in error.recipients.items())
        case smtplib.SMTPResponseException():
            return f"it answered {_answer(*error.args[:2])}"
        case _:
            return f"{type(error).__name__}: {error}"


def _unsayable(error: UnicodeError) -> str:
    """Return in words what cannot be written; a host's name fails as IDNA, a log-in as ASCII."""
    if isinstance(error, UnicodeEncodeError) and error.encoding == "ascii":
        return "nothing was sent: only ASCII in user and password; choose another one, see user and password_env"
    return "host is not a valid name in the DNS; check host"


def _answer(code: int, words: bytes | str) -> str:
    text_ = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text_.split())}"[:300]
