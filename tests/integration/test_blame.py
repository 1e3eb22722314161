"""What a caller does is no fault of the provider's, nor of the callers beside it."""

import socket
import threading
import time
import unittest

from harness import CHAT, FareboxTest, chat_body, providers, wait_until

BREAKER = {"failure_threshold": 3, "reset_timeout": "1s", "half_open_requests": 1}
UPLOAD = (b"POST /%s/v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
          b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")


class Impatient:
    """A provider that closes a connection shortly after a request has begun on it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            connection.recv(65536)
            connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Blame(FareboxTest):
    @classmethod
    def config(cls):
        cls.hasty = Impatient()
        cls.addClassCleanup(cls.hasty.close)
        each = {"retry": {"max_attempts": 1}, "circuit_breaker": BREAKER}
        table = providers(cls.mock, each=each, beside={})
        table["hasty"] = dict(table["openai"], base_url="http://127.0.0.1:%d" % cls.hasty.port)
        table["narrow"] = dict(table["openai"], concurrency={"max": 1, "queue": 99, "max_wait": "20s"})
        table["adaptive"] = dict(table["openai"], circuit_breaker={"enabled": False},
                                 concurrency={"adaptive": "aimd", "min": 1, "max": 20, "queue": 0})
        table["paced"] = dict(table["narrow"], api_keys=["sk-for-the-paced-one"],
                              concurrency={"max": 2, "queue": 99, "max_wait": "20s"})
        table["few"] = dict(table["openai"], pool={"max": 4})
        return {"providers": table, "limits": {"idle_timeout": "2s"}}

    def row(self, provider):
        rows = self.farebox.admin_json("/api/providers")["providers"]
        return next(row for row in rows if row["name"] == provider)

    def state(self, provider):
        return self.row(provider)["breaker"]["state"]

    def test_whose_own_time_is_over_within_an_answer(self):
        """Five streams with a short x-farebox-timeout opened the breaker for everybody."""
        self.mock.rule({"delay_chunk_ms": 200, "chunks": 40})
        for _ in range(5):
            reply = self.post("/beside" + CHAT, chat_body(stream=True), {"x-farebox-timeout": "300ms"})
            self.assertFalse(reply.complete)
            self.assertEqual(self.farebox.record_of(reply)["outcome"], "timeout")
        self.assertEqual(self.state("beside"), "CLOSED")

    def test_who_keeps_its_body_back(self):
        """A provider that waited no longer for it counted as broken."""
        for _ in range(5):
            client = self.connect()
            client.send(UPLOAD % b"hasty")
            reply = client.response("POST")
            self.assertEqual(reply.status, 502)
            client.close()
        self.assertEqual(self.state("hasty"), "CLOSED")

    def test_unfinished_uploads_leave_connections_to_others(self):
        """As many of them as pool.max, and nobody else got one."""
        uploads = [self.connect() for _ in range(6)]
        for client in uploads:
            client.send(UPLOAD % b"few")
        wait_until(lambda: self.row("few")["pool"]["busy"] == 2)
        self.assertEqual(self.post("/few" + CHAT, chat_body()).status, 200)
        refused = self.connect()
        refused.send(UPLOAD % b"few")
        reply = refused.response("POST")
        self.assertEqual((reply.status, reply.header("retry-after")), (503, "1"))
        self.assertEqual(self.state("few"), "CLOSED")
        for client in uploads + [refused]:
            client.close()
        wait_until(lambda: self.row("few")["pool"]["busy"] == 0)

    def test_what_no_model_answers_proves_no_model(self):
        """Lists of models between the calls kept the breaker closed while all models failed."""
        self.mock.rule({"status": 500}, path_prefix="/v1/chat")
        for _ in range(3):
            self.assertEqual(self.fetch("GET", "/probe/v1/models").status, 200)
            self.assertEqual(self.post("/probe" + CHAT, chat_body()).status, 500)
        self.assertEqual(self.state("probe"), "OPEN")
        wait_until(lambda: self.fetch("GET", "/probe/v1/models").status == 200, 10)
        self.assertEqual(self.state("probe"), "HALF_OPEN")
        self.mock.clear()
        self.assertEqual(self.post("/probe" + CHAT, chat_body()).status, 200)
        self.assertEqual(self.state("probe"), "CLOSED")

    def test_names_that_a_caller_makes_up_give_it_no_turns(self):
        """Each x-farebox-project had turns of its own: twenty of them came before one other caller."""
        self.mock.rule({"delay_head_ms": 150})
        order, threads = [], []

        def run(name, headers):
            self.post("/narrow" + CHAT, chat_body(), headers)
            order.append(name)

        def begin(name, headers):
            threads.append(threading.Thread(target=run, args=(name, headers)))
            threads[-1].start()
            wait_until(lambda: self.row("narrow")["calls"]["running"] +
                       self.row("narrow")["calls"]["queued"] >= len(threads) - len(order))

        begin("first", {"authorization": "Bearer sk-one"})
        for i in range(8):
            begin("many", {"authorization": "Bearer sk-one", "x-farebox-project": "p%d" % i})
        begin("other", {"authorization": "Bearer sk-two"})
        for thread in threads:
            thread.join()
        self.assertLess(order.index("other"), len(order) - 3, order)

    def test_limits_of_a_callers_own_key_are_its_own(self):
        """They pushed the adaptive limit down to one call for all callers."""
        self.mock.rule({"status": 429}, times=40)
        for _ in range(40):
            self.assertEqual(self.post("/adaptive" + CHAT, chat_body()).status, 429)
        self.assertEqual(self.row("adaptive")["calls"]["limit"], 20)

    def test_turns_of_who_left_go_to_others(self):
        """Calls that were opened and closed used up a paced key for all others, and who waited for a
        turn of one model held the slots of all."""
        left = [["x-ratelimit-limit-requests", "60"], ["x-ratelimit-remaining-requests", "0"],
                ["x-ratelimit-reset-requests", "60s"]]
        self.mock.rule({"headers": left}, times=1)
        self.assertEqual(self.post("/paced" + CHAT, chat_body()).status, 200)
        gone = []
        for _ in range(15):
            gone.append(self.connect())
            gone[-1].ask("POST", "/paced" + CHAT, (), chat_body())
        begun = time.monotonic()
        self.assertEqual(self.post("/paced" + CHAT, chat_body(model="gpt-4o")).status, 200)
        self.assertLess(time.monotonic() - begun, 1.5)
        for client in gone:
            client.close()
        wait_until(lambda: self.row("paced")["calls"]["running"] + self.row("paced")["calls"]["queued"] == 0)
        begun = time.monotonic()
        self.assertEqual(self.post("/paced" + CHAT, chat_body()).status, 200)
        self.assertLess(time.monotonic() - begun, 6)

    def test_who_takes_nothing_of_its_answer_is_not_waited_for(self):
        """Such clients held their answers, or their providers' connections, for timeouts.total."""
        self.mock.rule({"body_size": 8_000_000, "content_type": "application/json"})
        clients = []
        for streams in (b"true", b"false", b"true", b"false"):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", self.farebox.port))
            body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"stream":%s}' % streams
            client.sendall(b"POST /beside%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body))
            clients.append(client)
        wait_until(lambda: len(self.mock.requests()) == 4)
        wait_until(lambda: self.row("beside")["pool"]["busy"] == 0, 20)
        wait_until(lambda: self.row("beside")["calls"]["running"] == 0, 20)
        for client in clients:
            client.settimeout(10)
            taken = 0
            try:
                while piece := client.recv(1 << 20):
                    taken += len(piece)
            except ConnectionResetError:
                pass
            self.assertLess(taken, 8_000_000)
            client.close()
        self.assertEqual(self.state("beside"), "CLOSED")


if __name__ == "__main__":
    unittest.main()
