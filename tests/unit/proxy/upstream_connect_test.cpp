// Addresses of one name that change, die, come back, and answer slowly (row O3), on loopback.
#include "proxy/upstream_connect.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>

#include "proxy/health_board.hpp"
#include "proxy/name_cache.hpp"
#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Endpoint = tcp::endpoint;

Endpoint at(const char* address, std::uint16_t port) {
  return {asio::ip::make_address(address), port};
}

// Somebody who listens; one that is `slow` lets connections hang, as a lost packet would.
class Listener {
 public:
  enum class Kind : std::uint8_t { good, slow };
  Listener(const char* address, std::uint16_t port, Kind kind = Kind::good) {
    const Endpoint where = at(address, port);
    socket_ = ::socket(where.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    open_ = ::bind(socket_, where.data(), static_cast<socklen_t>(where.size())) == 0 &&
            ::listen(socket_, kind == Kind::slow ? 0 : 64) == 0;
    Endpoint bound;
    socklen_t length = static_cast<socklen_t>(bound.capacity());
    ::getsockname(socket_, bound.data(), &length);
    bound.resize(length);
    port_ = bound.port();
    // A full queue makes the kernel drop what asks for a connection.
    for (int i = 0; kind == Kind::slow && i < 8; ++i) {
      fillers_.push_back(
          ::socket(where.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(fillers_.back(), bound.data(), length);
    }
  }
  ~Listener() {
    for (const int each : fillers_) ::close(each);
    ::close(socket_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }
  bool open() const { return open_; }

 private:
  int socket_ = -1;
  bool open_ = false;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

// Questions may be under way when a test ends, so they own it.
struct NameServer {
  std::mutex mutex;
  NameAnswer answer;  // from now on
};

struct UpstreamConnect : ::testing::Test {
  Listener good{"127.0.0.3", 0};
  const std::uint16_t port = good.port();
  std::unique_ptr<Provider> provider = testing::make_provider(
      "p", DialectName::openai, "http://api.example:" + std::to_string(port));
  asio::io_context context{1};
  const std::shared_ptr<NameServer> server = std::make_shared<NameServer>();
  milliseconds took{0};

  void SetUp() override { resolve_every(seconds(30)); }

  void resolve_every(milliseconds refresh) {
    provider->names = NameCache::make(
        "api.example", std::to_string(port), refresh, [from = server](const auto&, const auto&) {
          const std::lock_guard lock(from->mutex);
          return from->answer;
        });
  }
  void name_leads_to(std::initializer_list<const char*> addresses) {
    const std::lock_guard lock(server->mutex);
    server->answer = {};
    for (const char* const each : addresses) server->answer.addresses.push_back(at(each, port));
  }

  // "" when a connection came about, else the reason.
  std::string dial(milliseconds patience = seconds(5)) {
    Result<std::unique_ptr<ByteStream>> stream = Error(ErrorCode::internal);
    const auto began = std::chrono::steady_clock::now();
    const auto run = [&]() -> awaitable<void> {
      stream = co_await connect_upstream(context.get_executor(), *provider, began + patience);
      context.stop();
    };
    asio::co_spawn(context, run(), asio::detached);
    const auto guard = asio::make_work_guard(context);
    context.restart();
    context.run_for(patience + seconds(5));
    took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    return stream ? "" : std::string(name_of(stream.error().code)) + ": " + stream.error().context;
  }
};

TEST_F(UpstreamConnect, ADeadAddressCostsNothing) {
  name_leads_to({"127.0.0.2", "127.0.0.3"});
  EXPECT_EQ(dial(), "");
  EXPECT_LT(took, milliseconds(200));
  // And is tried last from then on.
  const auto known = provider->names->look(std::chrono::steady_clock::now(), NameCache::Wish::usable);
  EXPECT_EQ(known.failed_lately, Addresses{at("127.0.0.2", port)});
}

TEST_F(UpstreamConnect, ASlowAddressStallsNobodyAndIsAvoidedFromThenOn) {
  const Listener slow("127.0.0.4", port, Listener::Kind::slow);
  ASSERT_TRUE(slow.open());
  name_leads_to({"127.0.0.4", "127.0.0.3"});
  EXPECT_EQ(dial(), "");
  EXPECT_GE(took, milliseconds(240));
  EXPECT_LT(took, milliseconds(900));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(dial(), "");
    EXPECT_LT(took, milliseconds(200));
  }
}

TEST_F(UpstreamConnect, NewConnectionsGoWhereTheNameLeadsNow) {
  name_leads_to({"127.0.0.3"});
  EXPECT_EQ(dial(), "");
  // The address is taken away: its dial fails, the name is asked again, the call succeeds.
  const Listener other("127.0.0.5", port);
  ASSERT_TRUE(other.open());
  name_leads_to({"127.0.0.2"});
  resolve_every(seconds(30));
  EXPECT_NE(dial(), "");
  name_leads_to({"127.0.0.5"});
  std::this_thread::sleep_for(seconds(1));  // NameCache::kLeastPause
  EXPECT_EQ(dial(), "");
  EXPECT_LT(took, milliseconds(500));
}

TEST_F(UpstreamConnect, AddressesThatTurnUpLateAreTriedWhileOldOnesHang) {
  const Listener slow("127.0.0.4", port, Listener::Kind::slow);
  name_leads_to({"127.0.0.4"});
  resolve_every(milliseconds(1));
  EXPECT_NE(dial(milliseconds(300)), "");
  name_leads_to({"127.0.0.3"});
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(dial(), "");
  EXPECT_LT(took, milliseconds(900));
}

TEST_F(UpstreamConnect, FamiliesAreTriedInTurns) {
  const Listener six("::1", port);
  if (!six.open()) GTEST_SKIP() << "this machine has no IPv6";
  name_leads_to({"127.0.0.2", "::1"});
  EXPECT_EQ(dial(), "");
  EXPECT_LT(took, milliseconds(200));
}

TEST_F(UpstreamConnect, TheDeadlineStaysOverAll) {
  const Listener one("127.0.0.4", port, Listener::Kind::slow);
  const Listener two("127.0.0.5", port, Listener::Kind::slow);
  name_leads_to({"127.0.0.4", "127.0.0.5"});
  const std::string why = dial(milliseconds(700));
  EXPECT_TRUE(why.starts_with("upstream_timeout: ")) << why;
  EXPECT_GE(took, milliseconds(690));
  EXPECT_LT(took, milliseconds(1'500));
}

TEST_F(UpstreamConnect, WhatCanNotBeReachedSaysWhy) {
  name_leads_to({"127.0.0.2"});
  std::string why = dial();
  EXPECT_NE(why.find("nothing listens there"), why.npos) << why;
  EXPECT_LT(took, milliseconds(1'500));

  {
    const std::lock_guard lock(server->mutex);
    server->answer = {asio::error::host_not_found, {}};
  }
  resolve_every(seconds(30));
  why = dial();
  EXPECT_NE(why.find("its name can't be resolved"), why.npos) << why;
  EXPECT_LT(took, milliseconds(500));
}

TEST_F(UpstreamConnect, ANameServerThatHangsHoldsADialNoLongerThanItsDeadline) {
  std::mutex hold;
  std::unique_lock held(hold);
  provider->names = NameCache::make("api.example", "80", seconds(30), [&](const auto&, const auto&) {
    const std::lock_guard wait(hold);
    return NameAnswer{asio::error::host_not_found, {}};
  });
  const std::string why = dial(milliseconds(300));
  EXPECT_TRUE(why.starts_with("upstream_timeout: ")) << why;
  held.unlock();
  while (provider->names->look(std::chrono::steady_clock::now(), NameCache::Wish::usable).asking) {
    std::this_thread::sleep_for(milliseconds(1));
  }
}

}  // namespace
}  // namespace farebox
