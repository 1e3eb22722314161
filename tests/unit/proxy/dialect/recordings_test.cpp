// The dialects against recorded traffic: every number of every reply must be exact, however
// the octets are cut.
#include "tests/unit/proxy/dialect/recordings.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

using testing::Cuts;
using testing::ExpectedUsage;
using testing::Recording;

const std::vector<std::string> kProviders = {"openai", "anthropic", "gemini", "azure",
                                             "bedrock"};

std::string show(const Usage& usage, const Reading& reading) {
  std::string out;
  const auto add = [&out](std::string_view name, std::uint64_t value) {
    out += std::string(name) + "=" + std::to_string(value) + " ";
  };
  add("source", static_cast<std::uint64_t>(usage.source));
  add("input", usage.input);
  add("cached", usage.cached_input);
  add("write", usage.cache_write);
  add("write1h", usage.cache_write_1h);
  add("tool_use", usage.tool_use_input);
  add("output", usage.output);
  add("reasoning", usage.reasoning);
  add("audio", usage.audio_input);
  add("audio_out", usage.audio_output);
  add("image", usage.image_input);
  add("image_out", usage.image_output);
  add("images", usage.images);
  add("us", usage.microseconds);
  for (const UsageExtra& extra : usage.extras) add("extra." + extra.type, extra.count);
  out += "tier=" + usage.service_tier + " geo=" + usage.inference_geo;
  out += " model=" + reading.model + " finish=" + reading.finish_reason;
  out += " calls=" + std::to_string(reading.tool_calls);
  out += reading.finished ? " finished" : " unfinished";
  if (reading.error) out += " error=" + reading.error_code;
  return out;
}

std::uint64_t web_searches(const Usage& usage) {
  for (const UsageExtra& extra : usage.extras) {
    if (extra.type == "web_search") return extra.count;
  }
  return 0;
}

Route route_of(const Recording& recording) {
  return dialect_for(recording.dialect()).recognise(recording.method, recording.path);
}

// What differs from the expectation, or empty. What the provider did not say is 0.
std::string difference(const Recording& recording, const Reading& reading) {
  const ExpectedUsage& expected = recording.expected;
  const Usage& usage = reading.usage;
  std::string out;
  const auto number = [&out](std::string_view name, std::optional<std::uint64_t> want,
                             std::uint64_t have) {
    if (want.value_or(0) == have) return;
    out += std::string(name) + " is " + std::to_string(have) + ", not " +
           std::to_string(want.value_or(0)) + "; ";
  };
  const auto word = [&out](std::string_view name, const std::optional<std::string>& want,
                           const std::string& have) {
    if (!want || *want == have) return;
    out += std::string(name) + " is \"" + have + "\", not \"" + *want + "\"; ";
  };
  const bool counted = expected.input || expected.output || expected.microseconds;
  const bool reported = usage.source == UsageSource::reported;
  if (counted != (reported && (usage.input + usage.output + usage.microseconds > 0 ||
                               usage.images == 0))) {
    out += counted ? "usage was not found; " : "usage was made up; ";
  }
  // As sent, the parts can exceed their whole (Grok on Azure); we cut them down.
  Usage whole;
  whole.input = expected.input.value_or(0);
  whole.output = expected.output.value_or(0);
  whole.cached_input = expected.cached_input.value_or(0);
  whole.cache_write = expected.cache_write.value_or(0);
  whole.cache_write_1h = expected.cache_write_1h.value_or(0);
  whole.reasoning = expected.reasoning.value_or(0);
  whole.clamp_parts();
  number("input", expected.input, usage.input);
  number("output", expected.output, usage.output);
  number("cached input", whole.cached_input, usage.cached_input);
  number("cache write", whole.cache_write, usage.cache_write);
  number("cache write 1h", whole.cache_write_1h, usage.cache_write_1h);
  number("reasoning", whole.reasoning, usage.reasoning);
  number("tool use input", expected.tool_use_input, usage.tool_use_input);
  number("audio input", expected.audio_input, usage.audio_input);
  number("audio output", expected.audio_output, usage.audio_output);
  if (expected.image_input) number("image input", expected.image_input, usage.image_input);
  number("image output", expected.image_output, usage.image_output);
  number("images", expected.images, usage.images);
  number("microseconds", expected.microseconds, usage.microseconds);
  if (expected.web_searches) number("searches", expected.web_searches, web_searches(usage));
  // Replies that can't be billed are not looked into.
  const Endpoint endpoint = route_of(recording).endpoint;
  if (endpoint == Endpoint::passthrough || endpoint == Endpoint::unknown) return out;
  word("model", expected.model, reading.model);
  word("finish reason", expected.finish_reason, reading.finish_reason);
  word("service tier", expected.service_tier, usage.service_tier);
  word("inference geo", expected.inference_geo, usage.inference_geo);
  number("tool calls", expected.tool_calls, reading.tool_calls);
  if (!expected.error_words.empty()) {
    const auto& words = expected.error_words;
    if (!reading.error) {
      out += "no error was seen; ";
    } else if (std::find(words.begin(), words.end(), reading.error_code) == words.end()) {
      out += "the error is \"" + reading.error_code + "\"; ";
    }
  } else if (reading.error && recording.status < 300) {
    out += "an error was made up; ";
  }
  return out;
}

Reading read(const Recording& recording, const Cuts& cuts) {
  const Dialect& dialect = dialect_for(recording.dialect());
  const auto reader = dialect.reader(route_of(recording), BodyFacts());
  http::ResponseHead head;
  head.status = recording.status;
  for (const auto& [name, value] : recording.reply_headers) head.fields.push_back({name, value});
  reader->head(head);
  for (const std::string& piece : testing::pieces(recording.reply, cuts)) reader->feed(piece);
  return reader->finish();
}

struct Tally {
  std::size_t all = 0, exact = 0, with_usage = 0, with_usage_exact = 0;
};

Tally check(const std::vector<Recording>& recordings) {
  Tally tally;
  std::mt19937 random(20261121);
  for (const Recording& recording : recordings) {
    const Reading whole = read(recording, {});
    const std::string wrong = difference(recording, whole);
    bool same = true;
    const auto compare = [&](const char* how, const Cuts& cuts) {
      const Reading cut = read(recording, cuts);
      if (show(cut.usage, cut) == show(whole.usage, whole) &&
          cut.output_bytes == whole.output_bytes) {
        return;
      }
      same = false;
      ADD_FAILURE() << recording.id << " fed " << how << ": " << show(cut.usage, cut)
                    << "\n instead of " << show(whole.usage, whole);
    };
    compare("octet by octet", testing::every(recording.reply.size(), 1));
    compare("line by line", testing::behind_lines(recording.reply));
    if (recording.framing == "aws-eventstream") {
      compare("frame by frame", testing::behind_frames(recording.reply));
    }
    for (int round = 0; round < 4; ++round) {
      compare("in random pieces", testing::random_cuts(recording.reply.size(), random));
    }
    EXPECT_EQ(wrong, "") << recording.provider << " " << recording.api << " " << recording.id
                         << ": " << show(whole.usage, whole);
    // A reply that came whole says so, or a proxy would take it for cut.
    if (recording.status < 300 && is_metered(route_of(recording).endpoint) &&
        recording.fidelity == "exact" && !whole.error) {
      EXPECT_TRUE(whole.finished) << recording.provider << " " << recording.api << " "
                                  << recording.id;
    }
    const bool exact = wrong.empty() && same;
    ++tally.all;
    tally.exact += exact;
    tally.with_usage += recording.expected.found;
    tally.with_usage_exact += recording.expected.found && exact;
  }
  return tally;
}

void print(const char* what, const Tally& tally) {
  std::printf("%s: %zu of %zu recordings exact (%zu of %zu with usage)\n", what, tally.exact,
              tally.all, tally.with_usage_exact, tally.with_usage);
}

TEST(Recordings, KeptOnesAreReadExactly) {
  const auto recordings = testing::kept_recordings();
  ASSERT_FALSE(recordings.empty());
  print("kept set", check(recordings));
}

TEST(Recordings, AllAreReadExactly) {
  const auto recordings = testing::all_recordings(kProviders);
  if (recordings.empty()) {
    GTEST_SKIP() << "the full set of recordings is not here; set FAREBOX_FACTS_DIR";
  }
  print("full set", check(recordings));
}

// What the request says: model and stream, in the path or in the body.
void check_request(const Recording& recording) {
  const Route route = route_of(recording);
  const std::string name = recording.provider + " " + recording.api + " " + recording.id;
  const bool usage_is_known = recording.expected.input || recording.expected.microseconds;
  if (usage_is_known) {
    EXPECT_TRUE(is_metered(route.endpoint)) << name;
  }
  if (!is_metered(route.endpoint) || recording.request_body.empty()) return;
  EXPECT_TRUE(route.reads_body) << name;
  const auto facts = dialect_for(recording.dialect())
                         .read_body(route, recording.request_content_type, recording.request_body);
  ASSERT_TRUE(facts.has_value()) << name << ": " << facts.error().context;
  // Some source suites left the body out and wrote something in its place.
  const char first = recording.request_body.front();
  if (first != '{' && first != '-') return;
  if (first == '{' && !nlohmann::json::accept(recording.request_body)) {
    EXPECT_FALSE(facts->readable) << name;
    return;
  }
  EXPECT_TRUE(facts->readable) << name;
  EXPECT_EQ(facts->stream || route.stream, recording.stream) << name;
  EXPECT_EQ(facts->model, recording.request_model.value_or("")) << name;
}

TEST(Recordings, RequestsOfKeptOnesAreReadExactly) {
  for (const Recording& recording : testing::kept_recordings()) check_request(recording);
}

TEST(Recordings, RequestsOfAllAreReadExactly) {
  const auto recordings = testing::all_recordings(kProviders);
  if (recordings.empty()) {
    GTEST_SKIP() << "the full set of recordings is not here; set FAREBOX_FACTS_DIR";
  }
  for (const Recording& recording : recordings) check_request(recording);
}

// Nothing else speaks these families' APIs in its own way yet; how far the readers already
// carry for those who do is told, not asserted.
TEST(Recordings, OtherProvidersAreTold) {
  const auto recordings = testing::all_recordings(
      {"alibaba", "cerebras", "databricks", "deepseek", "groq", "huggingface", "lmstudio",
       "mistral", "moonshot", "ollama", "openrouter", "perplexity", "snowflake", "together",
       "vercel-gateway", "vertex", "vllm", "voyage", "writer", "xai", "zai"});
  if (recordings.empty()) {
    GTEST_SKIP() << "the full set of recordings is not here; set FAREBOX_FACTS_DIR";
  }
  Tally tally;
  for (const Recording& recording : recordings) {
    const std::string wrong = difference(recording, read(recording, {}));
    ++tally.all;
    tally.exact += wrong.empty();
    tally.with_usage += recording.expected.found;
    tally.with_usage_exact += recording.expected.found && wrong.empty();
    if (!wrong.empty() && std::getenv("FAREBOX_TELL_RECORDINGS") != nullptr) {
      std::printf("%s %s %s: %s\n", recording.provider.c_str(), recording.api.c_str(),
                  recording.id.c_str(), wrong.c_str());
    }
  }
  print("other providers", tally);
}

}  // namespace
}  // namespace farebox
