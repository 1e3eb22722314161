"""What is tried again, how often, and what never is."""

import unittest

from harness import CHAT, MESSAGES, FareboxTest, chat_body, messages_body, providers


class Retries(FareboxTest):
    @classmethod
    def config(cls):
        retry = {"retry": {"max_attempts": 3, "base_delay": "10ms", "max_delay": "20ms"}}
        return {"providers": providers(cls.mock, each=retry)}

    def test_a_503_is_tried_again(self):
        self.mock.rule({"status": 503}, times=2)
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "3"))
        record = self.farebox.record_of(reply)
        self.assertEqual([a["status"] for a in record["attempts"]], [503, 503, 200])

    def test_attempts_have_an_end(self):
        self.mock.rule({"status": 503})
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, len(self.mock.requests())), (503, 3))
        self.assertIn("the mock was told to fail", reply.text)

    def test_a_400_is_not_tried_again(self):
        self.mock.rule({"status": 400})
        self.assertEqual(self.post(CHAT, chat_body()).status, 400)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_nothing_is_repeated_once_an_octet_reached_the_client(self):
        self.mock.rule({"cut_chunks": 3, "delay_chunk_ms": 5})
        reply = self.post(MESSAGES, messages_body(stream=True))
        self.assertFalse(reply.complete)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_every_attempt_is_on_the_mocks_side_too(self):
        self.mock.rule({"cut_wire": 0, "cut": "reset"}, times=1)
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "2"))
        self.assertEqual([s.outcome for s in self.mock.requests()], ["cut", "whole"])


if __name__ == "__main__":
    unittest.main()
