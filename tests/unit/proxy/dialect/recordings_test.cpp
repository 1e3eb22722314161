// The dialects against recorded traffic: every number of every reply must be exact, however
// the octets are cut.
#include "tests/unit/proxy/dialect/recordings.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <random>

#include "proxy/dialect/reported_cost.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

using testing::Cuts;
using testing::ExpectedUsage;
using testing::Recording;

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
  add("citation", usage.citation);
  add("characters", usage.characters);
  add("queries", usage.queries);
  add("pages", usage.pages);
  if (usage.reported_cost) out += "cost=" + usage.reported_cost->decimal() + " ";
  for (const UsageExtra& extra : usage.extras) add("extra." + extra.type, extra.count);
  out += "tier=" + usage.service_tier + " geo=" + usage.inference_geo + " speed=" + usage.speed;
  out += " variant=" + usage.variant + " context=" + usage.search_context;
  out += " model=" + reading.model + " finish=" + reading.finish_reason;
  out += " calls=" + std::to_string(reading.tool_calls);
  out += reading.finished ? " finished" : " unfinished";
  if (reading.error) out += " error=" + reading.error_code;
  return out;
}

std::uint64_t calls_of(std::string_view tool, const Usage& usage) {
  for (const UsageExtra& extra : usage.extras) {
    if (extra.type == tool) return extra.count;
  }
  return 0;
}

std::uint64_t iterations_of(const Usage& usage) {
  return static_cast<std::uint64_t>(
      std::count_if(usage.extras.begin(), usage.extras.end(),
                    [](const UsageExtra& extra) { return extra.count == 0; }));
}

std::string cost_of(const Usage& usage) {
  return usage.reported_cost ? usage.reported_cost->decimal() : "nothing";
}

// What a provider charged in its own words, or nothing.
std::optional<Money> cost_of(const ExpectedUsage& expected) {
  if (expected.cost) return dollars_of(*expected.cost);
  if (expected.cost_ticks) return Money::picodollars(Int128(*expected.cost_ticks) * 100);
  return std::nullopt;
}

Route route_of(const Recording& recording) {
  return dialect_for(recording.dialect()).recognise(recording.method, recording.path);
}

// What differs from the expectation, or empty. What the provider did not say is 0.
std::string difference(const Recording& recording, const Reading& reading) {
  const ExpectedUsage& expected = recording.expected;
  const Usage& usage = reading.usage;
  std::string out;
  // xAI's speech to text says how long it listened; the recordings don't look into it.
  if (recording.api == "xai.other") return out;
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
  // Rerankers and some embedders say a total and nothing else: it is the input.
  const bool total_alone = !expected.input && !expected.output && recording.dialect() !=
                           DialectName::gemini;
  const std::optional<Tokens> input = total_alone ? expected.total : expected.input;
  const bool counted = input || expected.output || expected.microseconds || expected.searches ||
                       expected.pages || expected.has_duration;
  const bool reported = usage.source == UsageSource::reported;
  if (counted != reported && !(reported && usage.images > 0)) {
    out += counted ? "usage was not found; " : "usage was made up; ";
  }
  // As sent, the parts can exceed their whole (Grok on Azure); we cut them down.
  Usage whole;
  whole.input = input.value_or(0);
  whole.output = expected.output.value_or(0);
  whole.cached_input = expected.cached_input.value_or(0);
  whole.cache_write = expected.cache_write.value_or(0);
  whole.cache_write_1h = expected.cache_write_1h.value_or(0);
  whole.reasoning = expected.reasoning.value_or(0);
  whole.clamp_parts();
  number("input", input, usage.input);
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
  if (expected.microseconds || !expected.has_duration) {
    number("microseconds", expected.microseconds, usage.microseconds);
  }
  if (expected.web_searches) {
    number("searches", expected.web_searches, calls_of("web_search", usage));
  }
  if (expected.web_fetches) number("fetches", expected.web_fetches, calls_of("web_fetch", usage));
  number("iterations", expected.extra_iterations, iterations_of(usage));
  number("characters", expected.characters, usage.characters);
  number("pages", expected.pages, usage.pages);
  if (expected.searches) number("search units", expected.searches, usage.queries);
  if (const auto cost = cost_of(expected); cost && cost != usage.reported_cost) {
    out += "the cost is " + cost_of(usage) + ", not " + cost->decimal() + "; ";
  }
  word("search context", expected.search_context, usage.search_context);
  // Replies that can't be billed are not looked into.
  const Endpoint endpoint = route_of(recording).endpoint;
  if (endpoint == Endpoint::passthrough || endpoint == Endpoint::unknown) return out;
  word("model", expected.model, reading.model);
  word("finish reason", expected.finish_reason, reading.finish_reason);
  word("service tier", expected.service_tier, usage.service_tier);
  word("inference geo", expected.inference_geo, usage.inference_geo);
  word("speed", expected.speed, usage.speed);
  number("tool calls", expected.tool_calls, reading.tool_calls);
  if (!expected.error_words.empty()) {
    const auto& words = expected.error_words;
    if (!reading.error) {
      out += "no error was seen; ";
    } else if (std::find(words.begin(), words.end(), reading.error_code) == words.end()) {
      out += "the error is \"" + reading.error_code + "\"; ";
    }
  } else if (recording.status < 300 && reading.error != expected.error_in_stream) {
    out += reading.error ? "an error was made up; " : "the error in the stream was not seen; ";
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
using Tallies = std::map<std::string, Tally>;  // by provider

Tallies check(const std::vector<Recording>& recordings) {
  Tallies tallies;
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
    // Writer's completions and mere sound have no end of their own.
    const Endpoint endpoint = route_of(recording).endpoint;
    const bool has_end = is_metered(endpoint) && endpoint != Endpoint::speech &&
                         !(recording.provider == "writer" && endpoint == Endpoint::completions);
    if (recording.status < 300 && has_end && recording.fidelity == "exact" && !whole.error) {
      EXPECT_TRUE(whole.finished) << recording.provider << " " << recording.api << " "
                                  << recording.id;
    }
    const bool exact = wrong.empty() && same;
    Tally& tally = tallies[recording.provider];
    ++tally.all;
    tally.exact += exact;
    tally.with_usage += recording.expected.found;
    tally.with_usage_exact += recording.expected.found && exact;
  }
  return tallies;
}

void print(const char* what, const Tallies& tallies) {
  Tally sum;
  const auto tell = [](const char* name, const Tally& tally) {
    std::printf("%-16s %5zu of %5zu recordings exact (%zu of %zu with usage)\n", name, tally.exact,
                tally.all, tally.with_usage_exact, tally.with_usage);
  };
  for (const auto& [provider, tally] : tallies) {
    tell(provider.c_str(), tally);
    sum.all += tally.all;
    sum.exact += tally.exact;
    sum.with_usage += tally.with_usage;
    sum.with_usage_exact += tally.with_usage_exact;
  }
  tell(what, sum);
}

TEST(Recordings, KeptOnesAreReadExactly) {
  const auto recordings = testing::kept_recordings();
  ASSERT_FALSE(recordings.empty());
  print("kept set", check(recordings));
}

TEST(Recordings, AllAreReadExactly) {
  const auto recordings = testing::all_recordings();
  if (recordings.empty()) {
    GTEST_SKIP() << "the full set of recordings is not here; set FAREBOX_FACTS_DIR";
  }
  print("full set", check(recordings));
}

// What the request says: model and stream, in the path or in the body.
void check_request(const Recording& recording) {
  const Route route = route_of(recording);
  const std::string name = recording.provider + " " + recording.api + " " + recording.id;
  const bool usage_is_known = recording.expected.found && !recording.expected.counted_tokens;
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
  // A request that was no JSON names no model.
  if (!facts->readable && !recording.request_model) return;
  if (first == '{' && !nlohmann::json::accept(recording.request_body)) {
    EXPECT_FALSE(facts->readable) << name;
    return;
  }
  EXPECT_TRUE(facts->readable) << name;
  // A prediction of Replicate's streams elsewhere, by a URL in the reply.
  if (route.endpoint != Endpoint::predictions) {
    EXPECT_EQ(facts->stream || route.stream, recording.stream) << name;
  }
  // The recordings look neither for watsonx' `model_id` nor into Replicate's paths.
  const bool looked_for = recording.provider != "watsonx" && recording.provider != "replicate";
  if (recording.request_model || looked_for) {
    EXPECT_EQ(facts->model, recording.request_model.value_or("")) << name;
  }
}

TEST(Recordings, RequestsOfKeptOnesAreReadExactly) {
  for (const Recording& recording : testing::kept_recordings()) check_request(recording);
}

TEST(Recordings, RequestsOfAllAreReadExactly) {
  const auto recordings = testing::all_recordings();
  if (recordings.empty()) {
    GTEST_SKIP() << "the full set of recordings is not here; set FAREBOX_FACTS_DIR";
  }
  for (const Recording& recording : recordings) check_request(recording);
}

}  // namespace
}  // namespace farebox
