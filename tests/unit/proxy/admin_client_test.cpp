// The client of the admin port, against a peer that says what a test wrote.
#include "proxy/admin_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace farebox {
namespace {

// Answers one connection with fixed octets and keeps what it was asked.
class Peer {
 public:
  explicit Peer(std::string answer, bool hangs = false) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), hangs] { serve(answer, hangs); });
  }
  ~Peer() {
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const std::string& asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve(const std::string& answer, bool hangs) {
    const int peer = ::accept(listener_, nullptr, nullptr);
    char octets[4096];
    while (asked_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(peer, octets, sizeof octets, 0);
      if (got <= 0) break;
      asked_.append(octets, static_cast<std::size_t>(got));
    }
    for (std::size_t at = 0; at < answer.size();) {
      const ssize_t sent = ::send(peer, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    if (hangs) ::recv(peer, octets, sizeof octets, 0);  // until the client gives up
    ::close(peer);
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string asked_;
  std::thread thread_;
};

AdminCall call() {
  AdminCall call;
  call.target = "/api/usage?since=24h";
  return call;
}

TEST(AdminClient, ABodyIsSentAsJson) {
  Peer peer("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
  AdminCall said = call();
  said.method = "POST";
  said.target = "/api/keys";
  said.body = R"({"name":"a"})";
  const auto reply = ask_admin(peer.address(), said);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(peer.asked(),
            "POST /api/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}");
}

TEST(AdminClient, AsksInOneRequest) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  AdminCall said = call();
  said.token = "token-1";
  const auto reply = ask_admin(peer.address(), said);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "{}");
  EXPECT_EQ(peer.asked(),
            "GET /api/usage?since=24h HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Authorization: Bearer token-1\r\n\r\n");
}

TEST(AdminClient, APostHasALength) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  AdminCall said = call();
  said.method = "POST";
  ASSERT_TRUE(ask_admin(peer.address(), said));
  EXPECT_EQ(peer.asked(),
            "POST /api/usage?since=24h HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(AdminClient, EveryFramingIsRead) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", "HTTP/1.1 200 OK\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello world"}) {
    Peer peer(answer);
    const auto reply = ask_admin(peer.address(), call());
    ASSERT_TRUE(reply) << answer;
    EXPECT_EQ(reply->body, "hello world") << answer;
  }
}

TEST(AdminClient, ALargeBodyArrivesWhole) {
  const std::string body(5'000'000, 'x');
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + body);
  const auto reply = ask_admin(peer.address(), call());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, body);
}

TEST(AdminClient, WhatIsNoWholeAnswerIsAnError) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "no answer"},
      {"HTTP/1.1 200 OK\r\n", "no answer"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "its answer was cut short"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "its answer was cut short"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "its answer is broken"},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "what answers doesn't speak HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "what answers doesn't speak HTTP"},
  };
  for (const auto& [answer, why] : rows) {
    Peer peer(answer);
    const auto reply = ask_admin(peer.address(), call());
    ASSERT_FALSE(reply) << answer;
    EXPECT_EQ(reply.error().context, why) << answer;
  }
}

TEST(AdminClient, ASilentPeerIsNotWaitedForForever) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsho", true);
  AdminCall said = call();
  said.answer_time = std::chrono::milliseconds(50);
  const auto reply = ask_admin(peer.address(), said);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().context, "no answer in time");
}

TEST(AdminClient, AnAddressThatCantBeAskedSaysWhy) {
  EXPECT_EQ(ask_admin("nowhere", call()).error().code, ErrorCode::invalid_config);
  std::string address;
  {
    Peer peer("HTTP/1.1 200 OK\r\n\r\n");
    address = peer.address();
    ASSERT_TRUE(ask_admin(address, call()));
  }
  EXPECT_EQ(ask_admin(address, call()).error().context, "nothing listens there");
}

TEST(AdminClient, AFailureSaysWhatToDo) {
  struct Row {
    const char* answer;
    int exit_code;
    const char* part;
  };
  const Row rows[] = {
      {"HTTP/1.1 401 Unauthorized\r\n\r\n{\"error\":{\"code\":\"unauthorized\",\"message\":\"x\"}}", 77,
       "FAREBOX_ADMIN_TOKEN"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n{\"error\":{\"code\":\"bad_request\",\"message\":\"no such colour\"}}",
       64, "no such colour"},
      {"HTTP/1.1 503 Busy\r\n\r\n{\"error\":{\"code\":\"ledger_unavailable\",\"message\":\"closed\"}}", 69,
       "closed"},
      {"HTTP/1.1 404 Not Found\r\n\r\n<html>", 69, "no admin port of farebox"},
  };
  for (const Row& row : rows) {
    Peer peer(row.answer);
    AdminSettings admin;
    admin.listen = peer.address();
    const auto body = admin_body(admin, call());
    ASSERT_FALSE(body) << row.answer;
    EXPECT_EQ(body.error().exit_code, row.exit_code) << row.answer;
    EXPECT_NE(body.error().why.find(row.part), std::string::npos) << body.error().why;
  }
}

}  // namespace
}  // namespace farebox
