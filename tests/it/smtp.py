"""A mail server that wants TLS and a log-in: smtp.py CERTIFICATE KEY USER PASSWORD smtp|smtps.

With smtp it wants STARTTLS, with smtps it speaks TLS from the first byte.

Prints its port, then each mail it took as a line of JSON.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

certificate, key, user, password, scheme = sys.argv[1:]


def say(value):
    print(json.dumps(value), flush=True)


def authenticate(_server, _session, _envelope, _mechanism, given):
    return AuthResult(success=(given.login.decode(), given.password.decode()) == (user, password), handled=False)


class Inbox:
    async def handle_DATA(self, _server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say({
            "tls": scheme == "smtps" or session.ssl is not None,
            "authenticated": session.authenticated,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "body": mail.get_content().replace("\r\n", "\n"),
        })
        return "250 OK"


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def session():
        is_plain_first = scheme == "smtp"
        return SMTP(
            Inbox(), tls_context=context if is_plain_first else None, require_starttls=is_plain_first,
            auth_require_tls=is_plain_first, auth_required=True, authenticator=authenticate, hostname="localhost",
        )

    wrapped = context if scheme == "smtps" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=wrapped)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
