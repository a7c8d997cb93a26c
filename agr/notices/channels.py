"""The ways out: a POST to a web address, a mail by SMTP. Each either delivers or raises NoticeError."""

import os
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import httpx

from agr.errors import NoticeError
from agr.notices.words import Notice, body, subject, text
from agr.settings import Email, Webhook

TIMEOUT_S = 20.0


def _secret(variable: str, channel: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise NoticeError(f"the environment variable {variable} of channel {channel} is not set")
    return value


def post(channel: Webhook, notice: Notice, client: httpx.Client) -> None:
    """POST a notice. Redirects are not followed, so that a secret in a header goes nowhere else."""
    headers = {name: _secret(variable, channel.name) for name, variable in channel.header_env.items()}
    headers["Content-Type"] = channel.content_type
    try:
        content = body(channel.template, notice).encode()
        answer = client.post(channel.url, content=content, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoticeError(f"{type(error).__name__}: {error}") from error
    if not answer.is_success:
        raise NoticeError(f"it answered HTTP {answer.status_code}; check the address and its secret")


def mail(channel: Email, notice: Notice, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
    """Send a notice by SMTP."""
    message = EmailMessage()
    message["Subject"] = subject(channel.subject, notice)
    message["From"], message["To"] = channel.sender, ", ".join(channel.recipients)
    message["Date"], message["Message-ID"] = formatdate(localtime=False), make_msgid(domain=notice.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(channel.template, notice))
    try:
        if channel.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(channel.host, channel.port, timeout=TIMEOUT_S, context=tls())
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
        with server:
            if channel.security == "starttls":
                server.starttls(context=tls())
            if channel.user and channel.password_env:
                server.login(channel.user, _secret(channel.password_env, channel.name))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NoticeError(f"{channel.host}:{channel.port}: {type(error).__name__}: {error}") from error
