// Calls that go as one: who leads, when a batch is full, how many are under way.
#include "proxy/batch_desk.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <deque>

namespace farebox {
namespace {

using State = Batch::State;

class OneDesk : public ::testing::Test {
 protected:
  BatchSeat& join(std::string_view text, unsigned char group = 1, std::uint64_t tokens = 1) {
    bodies_.push_back(R"({"model":"m","input":")" + std::string(text) + R"("})");
    auto call = read_embedding_call(bodies_.back());
    EXPECT_TRUE(call);
    call->most_tokens = tokens;
    Digest key{};
    key[0] = group;
    desk.join(seats_.emplace_back(), key, "openai", *call, tokens, settings, context.get_executor(), event);
    return seats_.back();
  }

  asio::io_context context{1};
  Event event;
  BatchDesk desk;
  EmbeddingBatchSettings settings;

 private:
  std::deque<std::string> bodies_;
  std::deque<BatchSeat> seats_;
};

TEST_F(OneDesk, TheFirstLeadsAndSendsForAll) {
  BatchSeat& first = join("a");
  BatchSeat& second = join("b");
  EXPECT_TRUE(first.leads());
  EXPECT_FALSE(second.leads());
  EXPECT_TRUE(join("c", 2).leads());
  ASSERT_TRUE(first.begin(1));
  EXPECT_EQ(first.body(), R"({"model":"m","input":["a","b"]})");
  EXPECT_TRUE(join("late").leads()) << "it is on its way";
  BatchResult result;
  result.head = "HTTP/1.1 200 OK\r\n\r\n";
  result.parts = {"one", "two"};
  first.answer(result);
  EXPECT_EQ(second.state(), State::answered);
  EXPECT_EQ(second.result().parts[second.index()], "two");
}

TEST_F(OneDesk, IsFullByNumberAndByTokens) {
  settings.max_size = 2;
  BatchSeat& first = join("a");
  EXPECT_FALSE(first.full());
  join("b");
  EXPECT_TRUE(first.full());
  BatchSeat& next = join("c");
  EXPECT_TRUE(next.leads());
  settings.max_size = 100;
  settings.max_tokens = 10;
  BatchSeat& large = join("d", 3, 8);
  EXPECT_TRUE(join("e", 3, 3).leads()) << "eleven are too many";
  EXPECT_TRUE(large.full());
}

TEST_F(OneDesk, SoManyOfAProvidersAreUnderWay) {
  BatchSeat& one = join("a", 1);
  BatchSeat& two = join("b", 2);
  EXPECT_TRUE(one.begin(1));
  EXPECT_FALSE(two.begin(1));
  context.run();
  event.take();
  one.send_apart();
  context.restart();
  context.run();
  EXPECT_TRUE(event.take()) << "whoever waits is told";
  EXPECT_TRUE(two.begin(1));
}

TEST_F(OneDesk, WhoLeadsAndGoesLeavesTheOthersApart) {
  BatchSeat& first = join("a");
  BatchSeat& second = join("b");
  first.leave();
  EXPECT_EQ(second.state(), State::apart);
  EXPECT_TRUE(join("c").leads());
  second.leave();
}

TEST_F(OneDesk, WhoSitsMayLeave) {
  BatchSeat& first = join("a");
  join("b").leave();
  ASSERT_TRUE(first.begin(1));
  EXPECT_EQ(first.size(), 2u) << "what it asked for is asked for";
  first.answer({});
}

}  // namespace
}  // namespace farebox
