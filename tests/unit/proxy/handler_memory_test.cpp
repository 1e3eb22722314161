#include "proxy/handler_memory.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <array>
#include <functional>

namespace farebox {
namespace {

namespace asio = boost::asio;

TEST(HandlerMemory, ServesPostAfterPost) {
  asio::io_context context;
  const HandlerMemory memory;
  int runs = 0;
  std::function<void()> again = [&] {
    if (++runs < 1'000) asio::post(context, memory.bind(again));
  };
  asio::post(context, memory.bind(again));
  context.run();
  EXPECT_EQ(runs, 1'000);
}

TEST(HandlerMemory, LetsTheHeapServeWhatComesMeanwhile) {
  asio::io_context context;
  const HandlerMemory memory;
  int runs = 0;
  for (int i = 0; i < 3; ++i) asio::post(context, memory.bind([&runs] { ++runs; }));
  // What has no room in it does as well.
  asio::post(context, memory.bind([&runs, large = std::array<char, 4'096>()] { runs += 1 + large[0]; }));
  context.run();
  EXPECT_EQ(runs, 4);
}

TEST(HandlerMemory, OutlivesWhoMadeIt) {
  asio::io_context context;
  {
    const HandlerMemory memory;
    asio::post(context, memory.bind([] {}));
  }
  // The context ends with the handler in it.
}

}  // namespace
}  // namespace farebox
