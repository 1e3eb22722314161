"""A mail server for tests: STARTTLS and a login, or nothing. Prints its port, then each mail as
a line of JSON; ends when its standard input does.

    mail_server.py CERTIFICATE KEY USER PASSWORD
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos,
                          "text": envelope.content.decode("utf-8", "replace"),
                          "tls": session.ssl is not None}), flush=True)
        return "250 kept"


async def main(certificate, key, user, password):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def check(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(), password.encode())
        return AuthResult(success=good, handled=False)

    def make():
        return SMTP(Keeper(), tls_context=context, require_starttls=True, auth_required=True,
                    authenticator=check, hostname="localhost")
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
