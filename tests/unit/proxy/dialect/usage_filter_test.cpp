#include "proxy/dialect/usage_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/unit/proxy/dialect/cuts.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox {
namespace {

struct Filtered {
  std::string text;
  bool removed = false;
  bool operator==(const Filtered&) const = default;
};

Filtered filter(std::string_view stream, const testing::Cuts& cuts) {
  UsageFilter filter;
  Filtered result;
  for (const std::string& piece : testing::pieces(stream, cuts)) filter.feed(piece, result.text);
  filter.finish(result.text);
  result.removed = filter.removed();
  return result;
}

void expect_filtered(const std::string& stream, const Filtered& expected) {
  EXPECT_EQ(filter(stream, {}), expected) << stream;
  EXPECT_EQ(filter(stream, testing::every(stream.size(), 1)), expected) << stream;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    EXPECT_EQ(filter(stream, {cut}), expected) << stream << " cut at " << cut;
  }
}

void expect_untouched(const std::string& stream) { expect_filtered(stream, {stream, false}); }

const std::string kText =
    R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"usage"}}],"usage":null})" "\n\n";
const std::string kUsage =
    R"(data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})" "\n\n";
const std::string kDone = "data: [DONE]\n\n";

std::string with_crlf(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) {
    text.replace(at, 1, "\r\n");
  }
  return text;
}

TEST(UsageFilter, TakesOutTheChunkBeforeTheEnd) {
  expect_filtered(kText + kUsage + kDone, {kText + kDone, true});
  expect_filtered(with_crlf(kText + kUsage + kDone), {with_crlf(kText + kDone), true});
  std::string cr = kText + kUsage + kDone, cr_out = kText + kDone;
  for (char& octet : cr) octet = octet == '\n' ? '\r' : octet;
  for (char& octet : cr_out) octet = octet == '\n' ? '\r' : octet;
  expect_filtered(cr, {cr_out, true});
}

TEST(UsageFilter, TheOrderOfMembersAndBlanksDoNotMatter) {
  const std::string usage =
      "id: 7\ndata:{ \"usage\" : {\"a\":[{\"choices\":[1]}]} ,\t\"x\":\"]}\\\"\", "
      "\"choices\" : [ ] }\n\n";
  expect_filtered(kText + usage + kDone, {kText + kDone, true});
  const std::string escaped = R"(data: {"\u0063hoices":[],"us\u0061ge":{}})" "\n\n";
  expect_filtered(kText + escaped + kDone, {kText + kDone, true});
}

TEST(UsageFilter, AStreamWithoutDoneEndsWithTheChunk) {
  expect_filtered(kText + kUsage, {kText, true});
  expect_filtered(kText + kUsage.substr(0, kUsage.size() - 1), {kText, true});
  expect_filtered(kText + kUsage.substr(0, kUsage.size() - 2), {kText, true});
}

TEST(UsageFilter, ACutChunkGoesOnAsItCame) {
  for (std::size_t size = 1; size + 2 < kUsage.size(); ++size) {
    expect_untouched(kText + kUsage.substr(0, size));
  }
}

TEST(UsageFilter, LeavesEverythingElse) {
  expect_untouched(kText + kText + kDone);
  expect_untouched("");
  expect_untouched("\n\n\n");
  expect_untouched(": comment\n\nevent: x\ndata: y\nfoo: bar\n\n" + kDone);
  // Azure's first chunk, and an annotation chunk at the end.
  expect_untouched(
      "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n" + kText +
      "data: {\"choices\":[],\"usage\":null}\n\n" + kDone);
  // Usage together with a choice (Mistral, OpenRouter).
  expect_untouched("data: {\"choices\":[{}],\"usage\":{\"a\":1}}\n\n" + kDone);
  expect_untouched("data: {\"usage\":{\"a\":1}}\n\n" + kDone);
  // Inside a string or deeper it means nothing.
  expect_untouched("data: {\"a\":{\"choices\":[],\"usage\":{}}}\n\n" + kDone);
  expect_untouched("data: {\"a\":\"\\\"choices\\\":[],\\\"usage\\\":{}\"}\n\n" + kDone);
  // No JSON, more than JSON, JSON in two lines.
  expect_untouched("data: {\"choices\":[],\"usage\":{}\n\n" + kDone);
  expect_untouched("data: {\"choices\":[],\"usage\":{}} x\n\n" + kDone);
  expect_untouched("data: {\"choices\":[],\ndata: \"usage\":{}}\n\n" + kDone);
  // An answer that is no stream.
  expect_untouched("{\n  \"choices\": [],\n  \"usage\": {}\n}\n");
}

TEST(UsageFilter, AUsageChunkThatIsNotTheLastStays) {
  expect_untouched(kUsage + kText + kDone);
  expect_filtered(kUsage + kText + kUsage + kDone, {kUsage + kText + kDone, true});
  expect_filtered(kUsage + kUsage + kDone, {kUsage + kDone, true});
  expect_untouched(kUsage + "data: x\n\n" + kDone);
}

TEST(UsageFilter, CommentsBehindTheChunkStay) {
  const std::string comment = ": keep-alive\n\n";
  expect_filtered(kText + comment + kUsage + comment + kDone,
                  {kText + comment + comment + kDone, true});
}

TEST(UsageFilter, NothingIsTouchedAfterTheChunk) {
  expect_filtered(kUsage + kDone + kUsage + kDone, {kDone + kUsage + kDone, true});
}

// An event leaves as soon as it's known not to be the chunk, and not later.
TEST(UsageFilter, HoldsNoLongerThanNeeded) {
  UsageFilter filter;
  std::string out;
  const std::string start = "data: {\"id\":\"c\",\"choices\":[";
  filter.feed(start, out);
  EXPECT_EQ(out, "");
  filter.feed("{", out);
  EXPECT_EQ(out, start + "{");
  filter.feed("\"index\":0}],", out);
  EXPECT_EQ(out, start + "{\"index\":0}],");
  filter.feed("}\n\n", out);
  out.clear();
  filter.feed("data: {\"choices\":[],\"usage\":n", out);
  EXPECT_EQ(out, "data: {\"choices\":[],\"usage\":n");
  filter.feed("ull}\n\n", out);
  out.clear();
  filter.feed(": keep", out);
  EXPECT_EQ(out, ": keep");
  filter.feed("-alive\n", out);
  EXPECT_EQ(out, ": keep-alive\n");
  out.clear();
  filter.feed("{", out);
  EXPECT_EQ(out, "{");
}

TEST(UsageFilter, HoldsNoMoreThanItMay) {
  const std::string large = "data: {\"choices\":[],\"x\":\"" +
                            std::string(UsageFilter::kMaxHeld, 'x') + "\",\"usage\":{}}\n\n";
  const std::string stream = large + kDone;
  EXPECT_EQ(filter(stream, {}), (Filtered{stream, false}));
  EXPECT_EQ(filter(stream, testing::every(stream.size(), 1)), (Filtered{stream, false}));
  UsageFilter held;
  std::string out;
  held.feed(std::string_view(large).substr(0, UsageFilter::kMaxHeld + 1), out);
  EXPECT_EQ(out.size(), UsageFilter::kMaxHeld + 1);
}

// The stream without its usage chunk, worked out in another way: the last event before
// [DONE] or before the end of a stream that has none, looked at with a DOM.
std::string without_usage_chunk(const std::string& reply) {
  const std::size_t done = std::min(reply.find("data: [DONE]"), reply.size());
  if (done < 4) return reply;
  const std::size_t before = reply.rfind("\n\n", done - 3);
  const std::size_t start = before == reply.npos ? 0 : before + 2;
  const std::string event = reply.substr(start, done - start);
  if (!event.starts_with("data: ")) return reply;
  const auto json = nlohmann::json::parse(event.substr(6), nullptr, false);
  if (!json.is_object() || !json.contains("choices") || !json["choices"].empty()) return reply;
  if (!json.contains("usage") || !json["usage"].is_object()) return reply;
  return reply.substr(0, start) + reply.substr(done);
}

TEST(UsageFilter, RecordedStreamsLoseTheirUsageChunkOnly) {
  std::mt19937 random(7);
  std::size_t removed = 0;
  for (const testing::Recording& recording : testing::kept_recordings()) {
    if (recording.framing != "sse") continue;
    const std::string& reply = recording.reply;
    const std::string without = without_usage_chunk(reply);
    const Filtered expected{without, without != reply};
    removed += expected.removed;
    EXPECT_TRUE(filter(reply, {}) == expected) << recording.id;
    EXPECT_TRUE(filter(reply, testing::every(reply.size(), 1)) == expected) << recording.id;
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(filter(reply, testing::random_cuts(reply.size(), random)) == expected)
          << recording.id;
    }
  }
  EXPECT_GT(removed, 5u);
}

}  // namespace
}  // namespace farebox
