// When a name is asked for, by how many at once, and what is used meanwhile.
#include "proxy/name_cache.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include <condition_variable>
#include <deque>

namespace farebox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Wish = NameCache::Wish;

boost::asio::ip::tcp::endpoint at(const char* address) {
  return {boost::asio::ip::make_address(address), 443};
}

// A name server that answers when it is told to.
struct Server {
  std::mutex mutex;
  std::condition_variable news;
  int asked = 0;
  std::deque<NameAnswer> answers;

  NameQuestion question() {
    return [this](const std::string& host, const std::string& port) {
      EXPECT_EQ(host, "api.example");
      EXPECT_EQ(port, "443");
      std::unique_lock lock(mutex);
      ++asked;
      news.notify_all();
      news.wait(lock, [this] { return !answers.empty(); });
      NameAnswer answer = answers.front();
      answers.pop_front();
      return answer;
    };
  }
  void answer(NameAnswer said) {
    const std::lock_guard lock(mutex);
    answers.push_back(std::move(said));
    news.notify_all();
  }
  int questions() {
    const std::lock_guard lock(mutex);
    return asked;
  }
};

struct NameCacheTest : ::testing::Test {
  Server server;
  std::shared_ptr<NameCache> names =
      NameCache::make("api.example", "443", seconds(30), server.question());
  SteadyTime now{seconds(1'000)};

  // After the question under way has ended.
  NameCache::Known settled(Wish wish = Wish::usable) {
    while (names->look(now, wish).asking) std::this_thread::sleep_for(milliseconds(1));
    return names->look(now, Wish::usable);
  }
};

TEST_F(NameCacheTest, OneQuestionAtATimeAndItsAnswerIsUsedForAWhile) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(names->look(now, Wish::usable).asking);
  server.answer({{}, {at("10.0.0.1")}});
  const auto known = settled();
  EXPECT_EQ(known.addresses, Addresses{at("10.0.0.1")});
  EXPECT_EQ(known.answer, 1u);
  now += milliseconds(29'999);
  EXPECT_FALSE(names->look(now, Wish::usable).asking);
  EXPECT_EQ(server.questions(), 1);
}

TEST_F(NameCacheTest, AnOldAnswerIsUsedWhileTheNextIsFetchedAndWhenThatFails) {
  server.answer({{}, {at("10.0.0.1")}});
  settled();
  now += seconds(30);
  auto known = names->look(now, Wish::usable);
  EXPECT_TRUE(known.asking);
  EXPECT_EQ(known.addresses, Addresses{at("10.0.0.1")});
  server.answer({boost::asio::error::host_not_found_try_again, {}});
  known = settled();
  EXPECT_EQ(known.addresses, Addresses{at("10.0.0.1")});
  EXPECT_EQ(known.answer, 1u);
  EXPECT_TRUE(known.error);
  // It is asked again soon, not after `refresh`, and not at once.
  now += milliseconds(999);
  EXPECT_FALSE(names->look(now, Wish::newer).asking);
  now += milliseconds(1);
  EXPECT_TRUE(names->look(now, Wish::usable).asking);
  server.answer({{}, {at("10.0.0.2")}});
  known = settled();
  EXPECT_EQ(known.addresses, Addresses{at("10.0.0.2")});
  EXPECT_EQ(known.answer, 2u);
  EXPECT_FALSE(known.error);
}

TEST_F(NameCacheTest, WhereAllAddressesFailItIsAskedBeforeItsTime) {
  server.answer({{}, {at("10.0.0.1")}});
  settled();
  EXPECT_FALSE(names->look(now, Wish::newer).asking);  // it was asked a moment ago
  now += seconds(1);
  EXPECT_FALSE(names->look(now, Wish::usable).asking);
  EXPECT_TRUE(names->look(now, Wish::newer).asking);
  server.answer({{}, {at("10.0.0.1")}});
  settled();
}

TEST_F(NameCacheTest, AnAddressThatFailedIsDoubtfulForAMinuteOrUntilItWorks) {
  server.answer({{}, {at("10.0.0.1"), at("10.0.0.2")}});
  settled();
  names->note_failed(at("10.0.0.1"), now);
  names->note_failed(at("10.0.0.9"), now);  // nobody we know
  EXPECT_EQ(names->look(now, Wish::usable).failed_lately, Addresses{at("10.0.0.1")});
  names->note_worked(at("10.0.0.1"));
  EXPECT_TRUE(names->look(now, Wish::usable).failed_lately.empty());
  names->note_failed(at("10.0.0.2"), now);
  now += seconds(60);
  server.answer({{}, {at("10.0.0.1"), at("10.0.0.2")}});
  EXPECT_TRUE(names->look(now, Wish::usable).failed_lately.empty());
  settled();
}

TEST_F(NameCacheTest, WhoWatchesIsToldOfEachAnswer) {
  std::atomic<int> told{0};
  names->watch(this, [&] { ++told; });
  server.answer({{}, {at("10.0.0.1")}});
  settled();
  EXPECT_EQ(told, 1);
  names->forget(this);
  now += seconds(31);
  server.answer({{}, {at("10.0.0.1")}});
  settled();
  EXPECT_EQ(told, 1);
}

TEST_F(NameCacheTest, AnEmptyAnswerIsNone) {
  server.answer({{}, {}});
  const auto known = settled();
  EXPECT_EQ(known.answer, 0u);
  EXPECT_EQ(known.error, boost::asio::error::host_not_found);
}

TEST(NameOfTheSystem, AnAddressIsNeverAskedFor) {
  for (const char* const host : {"127.0.0.1", "::1"}) {
    const auto names = NameCache::make(host, "8080", seconds(1), [](const auto&, const auto&) {
      ADD_FAILURE() << "asked";
      return NameAnswer();
    });
    const auto known = names->look(SteadyTime(seconds(9)), Wish::newer);
    EXPECT_FALSE(known.asking);
    ASSERT_EQ(known.addresses.size(), 1u);
    EXPECT_EQ(known.addresses[0].address().to_string(), host);
    EXPECT_EQ(known.addresses[0].port(), 8080);
  }
}

TEST(NameOfTheSystem, TheSystemKnowsLocalhostAndNoInvalidName) {
  const NameAnswer here = ask_system("localhost", "80");
  EXPECT_FALSE(here.error) << here.error.message();
  ASSERT_FALSE(here.addresses.empty());
  EXPECT_TRUE(here.addresses[0].address().is_loopback());
  EXPECT_TRUE(ask_system("no-such-name.invalid", "80").error);
}

}  // namespace
}  // namespace farebox
