// Ends put behind streams that were cut, at every event of every recorded stream: the project's
// own readers must take them for answers that reached their maximum.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/proxy/dialect/cuts.hpp"
#include "tests/unit/proxy/dialect/stream_end_support.hpp"

namespace farebox {
namespace {

using testing::Call;
using testing::Recording;

Usage counted() {
  Usage usage;
  usage.source = UsageSource::estimated;
  usage.input = 1234;
  usage.output = 567;
  usage.cached_input = 100;
  return usage;
}

bool is_length(const std::string& reason) {
  return reason == "length" || reason == "max_tokens" || reason == "MAX_TOKENS" ||
         reason == "incomplete" || reason == "2";
}

// Does the end tell the usage?
bool tells_usage(const Call& call) {
  const Endpoint endpoint = call.route.endpoint;
  if (endpoint == Endpoint::complete) return false;
  const bool chat = endpoint == Endpoint::chat_completions || endpoint == Endpoint::completions;
  return !chat || call.facts.asks_usage || call.dialect->name() == DialectName::mistral;
}

struct Tally {
  std::size_t streams = 0, cuts = 0, not_ended = 0;
};

void check_cut(const Recording& recording, const Call& call, const StreamEnd& end,
               std::size_t at, Tally& tally) {
  const std::string name = recording.provider + " " + recording.api + " " + recording.id + " at " +
                           std::to_string(at);
  const auto last = end.end(counted());
  ++tally.cuts;
  if (!last) {
    ++tally.not_ended;
    return;
  }
  const std::string before = recording.reply.substr(0, at);
  const Reading prefix = call.read(before);
  const std::string whole = before + *last;
  ASSERT_EQ(testing::fault_of(whole, recording.framing), "") << name << *last;
  const Reading reading = call.read(whole);
  EXPECT_TRUE(reading.finished) << name << *last;
  EXPECT_FALSE(reading.error) << name;
  // Responses tell a call when its item is done, which the end says of one that is half-way.
  EXPECT_GE(reading.tool_calls, prefix.tool_calls) << name;
  if (call.route.endpoint != Endpoint::responses) {
    EXPECT_EQ(reading.tool_calls, prefix.tool_calls) << name;
  }
  const bool reasoned = !prefix.finish_reason.empty();
  EXPECT_TRUE(is_length(reading.finish_reason) || reading.finish_reason == prefix.finish_reason)
      << name << " " << reading.finish_reason << *last;
  // Where the provider told it before its stop reason, it stands.
  const bool told = call.route.endpoint == Endpoint::converse &&
                    prefix.usage.source == UsageSource::reported;
  if (reasoned || told || !tells_usage(call)) return;
  EXPECT_EQ(reading.usage.input, counted().input) << name << *last;
  EXPECT_EQ(reading.usage.output, counted().output) << name << *last;
}

// Feeds the pieces and cuts behind some of the events: all of a short stream.
void check_pieces(const Recording& recording, const Call& call,
                  const std::vector<std::string>& pieces, Tally& tally) {
  auto end = call.end();
  if (!end) return;
  const std::size_t step = 1 + pieces.size() / 40;
  std::size_t at = 0, number = 0;
  for (const std::string& piece : pieces) {
    const std::size_t may_go = end->feed(piece);
    ASSERT_LE(may_go, piece.size());
    if (!piece.empty()) {
      EXPECT_EQ(end->between_events(), may_go == piece.size()) << recording.id << " " << at;
    }
    if (may_go != 0 && !end->ended() && number++ % step == 0) {
      check_cut(recording, call, *end, at + may_go, tally);
    }
    at += piece.size();
  }
}

void check(const Recording& recording, std::map<std::string, Tally>& tallies) {
  if (recording.framing == "none" || recording.status != 200) return;
  const Call call = testing::call_of(recording);
  if (!is_metered(call.route.endpoint) || recording.expected.error_in_stream) return;
  Tally& tally = tallies[recording.provider + " " + recording.api + " " + recording.framing];
  ++tally.streams;
  const std::string& reply = recording.reply;
  const bool frames = recording.framing == "aws-eventstream";
  std::mt19937 random(static_cast<unsigned>(reply.size()));
  check_pieces(recording, call,
               testing::pieces(reply, frames ? testing::behind_frames(reply)
                                             : testing::behind_lines(reply)),
               tally);
  check_pieces(recording, call,
               testing::pieces(reply, testing::random_cuts(reply.size(), random, 300)), tally);
  if (reply.size() < 3000) {
    check_pieces(recording, call, testing::pieces(reply, testing::every(reply.size(), 1)), tally);
  }
}

TEST(StreamEnd, EveryRecordedStreamCanBeCutBehindEachOfItsEvents) {
  std::map<std::string, Tally> tallies;
  auto recordings = testing::kept_recordings();
  for (auto& more : testing::all_recordings()) recordings.push_back(std::move(more));
  for (const Recording& recording : recordings) check(recording, tallies);
  for (const auto& [name, tally] : tallies) {
    const std::string said = std::to_string(tally.streams) + " streams, " +
                             std::to_string(tally.cuts) + " cuts, " +
                             std::to_string(tally.not_ended) + " not ended";
    RecordProperty(name, said);
  }
}

}  // namespace
}  // namespace farebox
