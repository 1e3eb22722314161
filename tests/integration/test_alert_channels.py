"""Each channel gets the shape that its receiver wants, by TLS that is verified."""

import email
import email.policy
import ssl
import unittest

from alert_case import JSON, SECRET, AlertTest
from alert_receivers import MailReceiver, WebReceiver, mail_server_is_there
from certificates import Certificates
from harness import wait_until


class Channels(AlertTest):
    def test_each_has_its_shape(self):
        self.channels = [{"name": name, "type": name, "url": self.receiver.url + "/" + name}
                         for name in ("slack", "teams", "webhook")]
        self.channels.append({"name": "pagerduty", "type": "pagerduty", "routing_key": SECRET,
                              "url": self.receiver.url + "/pagerduty"})
        self.start()
        self.spend(0.85)
        posts = {p.path.rpartition("/")[2]: p for p in self.received(4)}
        self.assertIn("*Budget team", posts["slack"].json["text"])
        card = posts["teams"].json["attachments"][0]
        self.assertEqual(card["contentType"], "application/vnd.microsoft.card.adaptive")
        self.assertIn("Budget team", card["content"]["body"][0]["text"])
        event = posts["pagerduty"].json
        self.assertEqual((event["routing_key"], event["event_action"], event["payload"]["severity"]),
                         (SECRET, "trigger", "warning"))
        self.assertNotIn("x-farebox-signature", posts["webhook"].headers)
        self.delivered()

    def test_https_is_verified(self):
        certificates = Certificates()
        self.addCleanup(certificates.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.file("good.pem"), certificates.file("good.key"))
        secure = WebReceiver(tls=context)
        self.addCleanup(secure.stop)
        self.channels = [self.hook(name="trusted", url=secure.url, ca_file=certificates.file("ca.pem")),
                         self.hook(name="not", url=secure.url)]
        self.start()
        results = {r["channel"]: r for r in
                   self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}").json()["results"]}
        self.assertTrue(results["trusted"]["delivered"], results)
        self.assertFalse(results["not"]["delivered"])
        self.assertIn("certificate", results["not"]["error"])

    @unittest.skipUnless(mail_server_is_there(), "python3-aiosmtpd is not installed")
    def test_mail_by_starttls_and_login(self):
        certificates = Certificates()
        self.addCleanup(certificates.cleanup)
        server = MailReceiver(certificates.file("good.pem"), certificates.file("good.key"), "joe", SECRET)
        self.addCleanup(server.stop)
        mail = {"name": "mail", "type": "email", "host": "127.0.0.1", "port": server.port, "username": "joe",
                "password": SECRET, "from": "farebox@example.com", "to": ["a@example.com", "b@example.com"],
                "ca_file": certificates.file("ca.pem")}
        self.channels = [mail, dict(mail, name="wrong", password="not-the-password"),
                         dict(mail, name="untrusted", ca_file="")]
        self.start()
        results = {r["channel"]: r for r in
                   self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}").json()["results"]}
        self.assertTrue(results["mail"]["delivered"], results)
        self.assertFalse(results["wrong"]["delivered"])
        self.assertFalse(results["untrusted"]["delivered"])
        self.channels = [mail]
        self.farebox.reload(self.config())
        self.spend(0.85)
        wait_until(lambda: len(server.mails) == 2, 15)
        got = server.mails[1]
        self.assertEqual((got["from"], got["to"], got["tls"]),
                         ("farebox@example.com", ["a@example.com", "b@example.com"], True))
        message = email.message_from_string(got["text"], policy=email.policy.default)
        self.assertIn("[farebox] Budget team (project=team) is at 8", message["subject"])
        self.assertIn("farebox budgets top-up", message.get_content())
        self.delivered()


if __name__ == "__main__":
    unittest.main()
