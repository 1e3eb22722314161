// One call for several: who leads, who reads what, and who is left behind.
#include "proxy/flight.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <thread>

namespace farebox {
namespace {

AnswerKey key_of(unsigned char number) {
  AnswerKey key{};
  key[0] = number;
  return key;
}

SharedAnswer answer(std::string body) {
  auto made = std::make_shared<Answer>();
  made->body = std::move(body);
  return made;
}

class OneFlight : public ::testing::Test {
 protected:
  Flights::Boarding board(unsigned char number = 1, std::size_t most = 100) {
    return flights.board(key_of(number), most, 7, context.get_executor(), event);
  }
  static void say(Flight& flight, std::string_view text) {
    const boost::asio::const_buffer pieces[] = {boost::asio::buffer(text)};
    flight.append(pieces);
  }
  static std::string read(Seat& seat, std::size_t most = 1000) {
    std::string text;
    while (seat.read(text, most)) continue;
    return text;
  }

  asio::io_context context{1};
  Event event;
  Flights flights;
};

TEST_F(OneFlight, TheFirstLeadsAndTheOthersSit) {
  const auto first = board();
  ASSERT_TRUE(first.led);
  EXPECT_FALSE(first.led->is_followed());
  auto second = board();
  EXPECT_FALSE(second.led);
  EXPECT_TRUE(second.seat);
  EXPECT_TRUE(first.led->is_followed());
  EXPECT_TRUE(board(2).led) << "of another key";
  EXPECT_EQ(flights.running(), 2u);
  second.seat.leave();
  EXPECT_FALSE(first.led->is_followed());
}

TEST_F(OneFlight, AStreamIsReadFromItsBeginningAtOnesOwnPace) {
  const auto lead = board();
  auto early = board();
  EXPECT_EQ(early.seat.look().state, Flight::State::waiting);
  EXPECT_EQ(read(early.seat), "");
  lead.led->begin("content-type: text/event-stream\r\n");
  say(*lead.led, "one ");
  EXPECT_EQ(early.seat.fields(), "content-type: text/event-stream\r\n");
  EXPECT_EQ(read(early.seat), "one ");
  say(*lead.led, "two ");
  auto late = board();
  EXPECT_EQ(read(late.seat, 3), "one two ");
  EXPECT_EQ(read(early.seat), "two ");
  say(*lead.led, "three");
  lead.led->end_whole(answer("one two three"));
  EXPECT_EQ(read(early.seat), "") << "the end waits for the reader's own record";
  std::string rest;
  early.seat.rest(rest);
  EXPECT_EQ(rest, "three");
  EXPECT_TRUE(board().led) << "nobody joins what has ended";
}

TEST_F(OneFlight, WhoeverIsTooFarBehindLosesTheSeatAndTheOthersDoNot) {
  const auto lead = board(1, 10);
  auto slow = board(1, 10), quick = board(1, 10);
  lead.led->begin("");
  std::string got;
  for (int i = 0; i < 10; ++i) {
    say(*lead.led, "12345");
    got += read(quick.seat);
  }
  EXPECT_TRUE(slow.seat.look().lost);
  EXPECT_FALSE(quick.seat.look().lost);
  EXPECT_EQ(got.size(), 50u);
  EXPECT_EQ(lead.led->octets(), nullptr) << "its beginning is gone";
  EXPECT_TRUE(board(1, 10).led) << "so nobody joins any more";
}

TEST_F(OneFlight, AnEndIsTheEnd) {
  const auto lead = board();
  auto seat = board();
  lead.led->end_failed(Error(ErrorCode::upstream_timeout));
  lead.led->end_whole(answer("late"));
  EXPECT_EQ(seat.seat.look().state, Flight::State::failed);
  EXPECT_EQ(seat.seat.error().code, ErrorCode::upstream_timeout);
}

TEST_F(OneFlight, TheLeaderHearsWhenTheLastOneLeaves) {
  const auto lead = board();
  Event leader;
  lead.led->watch(context.get_executor(), leader);
  auto seat = board();
  context.run();
  EXPECT_TRUE(leader.take()) << "of who joined";
  seat.seat.leave();
  context.restart();
  context.run();
  EXPECT_TRUE(leader.take());
  lead.led->unwatch();
  seat = board();
  context.restart();
  context.run();
  EXPECT_FALSE(leader.take()) << "it doesn't want to any more";
}

TEST_F(OneFlight, ClosingRemovesOnlyTheOneThatIsMeant) {
  const auto old = board();
  old.led->end_broken();
  const auto next = board();
  ASSERT_TRUE(next.led);
  flights.close(key_of(1), *old.led);
  EXPECT_EQ(flights.running(), 1u);
  flights.close(key_of(1), *next.led);
  EXPECT_EQ(flights.running(), 0u);
}

TEST_F(OneFlight, WhoeverAsksAfterAnInvalidationDoesNotJoin) {
  const auto old = board();
  EXPECT_TRUE(flights.board(key_of(1), 100, 8, context.get_executor(), event).led);
}

// Readers on other threads, as workers are: each reads all of it, in order.
TEST_F(OneFlight, ReadersOnOtherThreads) {
  constexpr int kReaders = 4, kPieces = 2'000;
  const auto lead = board(1, 1 << 20);
  std::vector<std::thread> threads;
  std::atomic<int> seated{0}, right{0};
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      asio::io_context own{1};
      const auto work = asio::make_work_guard(own);
      Event wake;
      auto boarding = flights.board(key_of(1), 1 << 20, 7, own.get_executor(), wake);
      ++seated;
      ASSERT_TRUE(boarding.seat);
      std::string text;
      while (boarding.seat.look().state <= Flight::State::running) {
        own.poll();
        boarding.seat.read(text, 100);
      }
      const Seat::Look look = boarding.seat.look();
      boarding.seat.rest(text);
      right += text == look.answer->body;
      boarding.seat.leave();
      own.poll();
    });
  }
  while (seated < kReaders) std::this_thread::yield();
  lead.led->begin("");
  std::string all;
  for (int i = 0; i < kPieces; ++i) {
    const std::string piece = std::to_string(i) + " ";
    say(*lead.led, piece);
    all += piece;
  }
  lead.led->end_whole(answer(all));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kReaders);
}

}  // namespace
}  // namespace farebox
