"""farebox prices, price files that change and are signed, discounts, and what a record says of them."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from command_line import BAD_CONFIG, on_terminal
from harness import CHAT, Connection, Farebox, Mock, chat_body, providers, run_to_end, write_config

BAD_DATA = 65
MODEL = "priced-by-file"


def price_file(price, **card):
    return json.dumps({"schema": 1, "version": "mine", "models": [
        dict({"provider": "openai", "model": MODEL, "input": price, "output": price}, **card)]})


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def show(*arguments):
    code, out, err = run_to_end(["prices", "show"] + list(arguments))
    return code, out, err


class PricesTest(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = os.path.join(self.directory, "prices.json")

    def start(self, prices):
        farebox = Farebox({"providers": providers(self.mock), "prices": prices})
        self.addCleanup(farebox.stop)
        return farebox

    def record(self, farebox):
        with Connection(farebox.port) as connection:
            connection.ask("POST", CHAT, (), chat_body(model=MODEL))
            return farebox.record_of(connection.response())


class Show(unittest.TestCase):
    def test_a_pipe_gets_json(self):
        code, out, err = show("gpt-4o-2024-08-06", "--provider", "openai")
        self.assertEqual((code, err), (0, ""))
        said = json.loads(out)
        price = said["prices"][0]
        self.assertEqual((said["model"], price["rule"], price["card"]["id"]),
                         ("gpt-4o-2024-08-06", "alias", "openai/gpt-4o"))
        standard = price["card"]["rates"][0]
        self.assertEqual((standard["tier"], standard["usdPerMillionTokens"]["input"]), ("standard", "2.5"))
        self.assertTrue(said["priceVersion"])

    def test_a_terminal_gets_tables(self):
        code, out, err = on_terminal(["prices", "show", "gemini-2.5-pro"])
        self.assertEqual((code, err), (0, ""))
        for words in ("gemini/gemini-2.5-pro", "USD per million tokens", "standard above 200,000", "priority",
                      "cache_read", "source litellm"):
            self.assertIn(words, out)

    def test_any_seller_is_found_when_nobody_configured_sells_it(self):
        code, out, _ = show("us.anthropic.claude-opus-5")
        self.assertEqual(code, 0)
        self.assertEqual([p["card"]["seller"] for p in json.loads(out)["prices"]], ["bedrock"])

    def test_an_unknown_model_names_its_neighbours(self):
        code, out, err = show("gpt-4o-minni")
        self.assertEqual((code, out), (BAD_DATA, ""))
        self.assertIn("gpt-4o-mini", err)
        code, _, err = show("no-such-thing-anywhere", "--provider", "openai")
        self.assertEqual(code, BAD_DATA)
        self.assertIn("prices.overrides", err)

    def test_overrides_are_shown(self):
        with tempfile.TemporaryDirectory() as directory:
            config = write_config(directory, {"prices": {"overrides": {"gpt-4o": {"input": "9", "output": "99"}}}})
            code, out, _ = show("gpt-4o", "--config", config)
        price = json.loads(out)["prices"][0]
        self.assertEqual((code, price["rule"], price["card"]["rates"][0]["usdPerMillionTokens"]["output"]),
                         (0, "override", "99"))


class Check(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = os.path.join(self.directory, "prices.json")

    def check(self, text, *more):
        write(self.file, text)
        code, out, err = run_to_end(["prices", "check", self.file] + list(more))
        return code, json.loads(out), err

    def test_a_good_file(self):
        self.assertEqual(self.check(price_file("1")),
                         (0, {"ok": True, "file": self.file, "form": "farebox", "cards": 1, "findings": []}, ""))

    def test_every_mistake_has_its_line(self):
        code, said, err = self.check("""{"schema": 1, "models": [
  {"provider": "a", "model": "x", "input": "-1"},
  {"provider": "a", "model": "y", "input": "1"},
  {"provider": "a", "model": "z", "inptu": "1"}
]}""")
        self.assertEqual((code, said["ok"], [f["line"] for f in said["findings"]]), (BAD_DATA, False, [2, 4]))
        self.assertIn(":2: ", err)
        self.assertIn("'inptu' is not known", err)

    def test_what_is_no_json_has_a_line_too(self):
        code, said, _ = self.check('{"schema": 1,\n "models": [\n  {"provider": }\n]}')
        self.assertEqual((code, said["findings"][0]["line"]), (BAD_DATA, 3))

    def test_litellm_files_pass_and_tell_what_is_left_out(self):
        code, said, _ = self.check(json.dumps({
            "sample_spec": {"mode": "x"},
            "gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.25e-06,
                      "input_dbu_cost_per_token": 1}}))
        self.assertEqual((code, said["form"], said["cards"]), (0, "litellm", 1))
        self.assertIn("input_dbu_cost_per_token", said["findings"][0]["text"])

    def test_a_file_that_is_not_there(self):
        code, _, err = run_to_end(["prices", "check", os.path.join(self.directory, "nowhere.json")])
        self.assertEqual(code, BAD_DATA)
        self.assertIn("nowhere.json", err)


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl program")
class Signed(PricesTest):
    """By the recipe of docs/operating.md."""

    def setUp(self):
        super().setUp()
        self.key = os.path.join(self.directory, "prices.key")
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.key)
        der = self.openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.public = "ed25519:" + base64.b64encode(der[-32:]).decode()

    def openssl(self, *arguments):
        return subprocess.run(["openssl"] + list(arguments), check=True, capture_output=True).stdout

    def sign(self, text):
        write(self.file, text)
        raw = self.openssl("pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", self.file)
        write(self.file + ".sig", base64.b64encode(raw).decode() + "\n")

    def prices(self):
        return {"file": self.file, "public_key": self.public}

    def test_a_right_signature_lets_prices_in_and_a_wrong_one_keeps_the_old(self):
        self.sign(price_file("1"))
        code, _, err = run_to_end(["prices", "check", self.file, "--public-key", self.public])
        self.assertEqual((code, err), (0, ""))
        farebox = self.start(self.prices())
        self.assertEqual(self.record(farebox)["costUsd"], "0.000011")

        # The configuration stays as it is; the file behind it changes.
        self.sign(price_file("2"))
        self.assertEqual(farebox.reload().json()["changed"], ["prices"])
        self.assertEqual(self.record(farebox)["costUsd"], "0.000022")

        write(self.file, price_file("0.5"))
        refused = farebox.reload()
        self.assertNotEqual(refused.status, 200)
        self.assertIn("signature is wrong", refused.text)
        self.assertEqual(self.record(farebox)["costUsd"], "0.000022")

        code, _, err = run_to_end(["prices", "check", self.file, "--public-key", self.public])
        self.assertEqual(code, BAD_DATA)
        self.assertIn("signature is wrong", err)

    def test_without_a_signature_it_does_not_start(self):
        write(self.file, price_file("1"))
        config = write_config(self.directory, {"providers": providers(self.mock), "prices": self.prices()})
        code, _, err = run_to_end(["check", "--config", config])
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn(".sig", err)
        code, _, err = run_to_end(["--config", config, "--data-dir", self.directory + "/data"])
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn(".sig", err)


class Files(PricesTest):
    def test_a_file_that_changed_is_taken_up_by_a_reload(self):
        write(self.file, price_file("1"))
        farebox = self.start({"file": self.file})
        before = self.record(farebox)
        write(self.file, price_file("3"))
        self.assertEqual(farebox.reload().json()["changed"], ["prices"])
        after = self.record(farebox)
        self.assertEqual((before["costUsd"], after["costUsd"]), ("0.000011", "0.000033"))
        self.assertNotEqual(before["priceVersion"], after["priceVersion"])
        write(self.file, "{")
        self.assertNotEqual(farebox.reload().status, 200)
        self.assertEqual(self.record(farebox)["costUsd"], "0.000033")

    def test_prices_have_dates(self):
        card = {"provider": "openai", "model": MODEL, "input": "1", "output": "1"}
        write(self.file, json.dumps({"schema": 1, "models": [
            card, dict(card, **{"from": "2001-01-01", "input": "2", "output": "2"}),
            dict(card, **{"from": "9999-01-01", "input": "7", "output": "7"})]}))
        self.assertEqual(self.record(self.start({"file": self.file}))["costUsd"], "0.000022")

    def test_discounts_and_margins_multiply(self):
        record = self.record(self.start({
            "overrides": {MODEL: {"input": "1", "output": "1"}},
            "adjust": [{"provider": "openai", "factor": "0.85"}, {"factor": "2"},
                       {"key": "nobody", "factor": "9"}]}))
        self.assertEqual((record["costUsd"], record["priceFactor"]), ("0.0000187", "1.7"))

    def test_mistakes_of_the_configuration(self):
        for prices, words in (({"adjust": [{"factor": "0"}]}, "is not a factor"),
                              ({"adjust": [{"factor": "0.1234567"}]}, "is not a factor"),
                              ({"adjust": [{"provider": "nobody", "factor": "1"}]}, "nobody"),
                              ({"adjust": [{"key": "x"}]}, "factor"),
                              ({"public_key": "ed25519:" + "A" * 43 + "="}, "without prices.file"),
                              ({"public_key": "rsa:x", "file": "/dev/null"}, "is no public key")):
            config = write_config(self.directory, {"prices": prices})
            code, _, err = run_to_end(["check", "--config", config])
            self.assertEqual(code, BAD_CONFIG, prices)
            self.assertIn(words, err)


if __name__ == "__main__":
    unittest.main()
