#include "policy/provider_limits.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "policy/http_date.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Wait = std::optional<nanoseconds>;

// 2026-11-22T01:00:00Z
const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 1h;

TEST(HttpDate, HasThreeForms) {
  const WallTime then = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), then);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), then);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), then);
  EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994", kNow), then + 240h);
  const auto soon = parse_http_date("Sunday, 22-Nov-26 01:00:30 GMT", kNow);
  EXPECT_EQ(soon, kNow + 30s);
}

TEST(HttpDate, RefusesEverythingElse) {
  for (const char* const text :
       {"", " ", "Sun", "Sun,", "Sun, ", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "1994-11-06T08:49:37Z",
        "Sun, 0x Nov 1994 08:49:37 GMT", "Wednesdayy, 06-Nov-94 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(text, kNow)) << text;
  }
}

TEST(ProviderLimits, ResetsComeInFourSpellings) {
  struct Row {
    const char* text;
    Wait wait;
  };
  const Row rows[] = {
      {"1s", 1s}, {"0s", 0s}, {"2ms", 2ms}, {"20ms", 20ms}, {"6m0s", 6min}, {"1m0s", 60s},
      {"53.254s", 53254ms}, {"32m9.545s", 32min + 9545ms}, {"2m59.56s", 179560ms},
      {"10.593999999s", 10593999999ns}, {"1h2m3s", 3723s}, {"15us", 15us}, {"3ns", 3ns},
      {"100h", 24h}, {"99999999999999999999s", 24h}, {"23h59m59s999h", 24h},
      {"7", 7s}, {"0", 0s}, {"0.5", 500ms}, {"86401", 24h},
      {"2026-11-22T01:00:30Z", 30s}, {"2026-11-22T02:00:30+01:00", 30s},
      {"2026-11-22T00:59:59Z", 0s}, {"2030-01-01T00:00:00Z", 24h},
      {"1795309230", 30s}, {"1795309230000", 30s}, {"1795309230500", 30s + 500ms},
      {"1700000000", 0s}, {"99999999999999999999", 24h},
      // Found by the fuzz target `refusal`: beyond what nanoseconds can count.
      {"14444444444", 24h}, {"9999999999999", 24h}, {"9999-12-31T23:59:59Z", 24h}, {"0001-01-01", 0s},
      {"", {}}, {"s", {}}, {"ms", {}}, {"-1s", {}}, {"+1s", {}}, {"1", 1s}, {"1.", {}},
      {"1.s", {}}, {".5s", {}}, {"1x", {}}, {"1s ", {}}, {"1s2", {}}, {"1 s", {}}, {"soon", {}},
      {"1.2.3s", {}}, {"1e3", {}}, {"inf", {}}, {"nan", {}},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_reset(row.text, kNow), row.wait) << row.text;
}

TEST(ProviderLimits, RetryAfterIsSecondsOrADate) {
  struct Row {
    const char* text;
    Wait wait;
  };
  const Row rows[] = {
      {"0", 0s}, {"1", 1s}, {"1.5", 1500ms}, {"20.000000001", 20s + 1ns}, {"120", 2min},
      {"9999999999", 24h}, {"Sun, 22 Nov 2026 01:00:05 GMT", 5s},
      {"Sun, 22 Nov 2026 00:00:05 GMT", 0s}, {"Mon, 22 Nov 2027 01:00:00 GMT", 24h},
      {"", {}}, {"-1", {}}, {"soon", {}}, {"1s", {}}, {"1,2", {}},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_retry_after(row.text, kNow), row.wait) << row.text;
}

using Fields = std::vector<std::pair<const char*, const char*>>;

ProviderLimits read(const Fields& fields) {
  ProviderLimits limits(kNow);
  for (const auto& [name, value] : fields) limits.read(name, value);
  return limits;
}

TEST(ProviderLimits, MillisecondsGoFirstInAnyOrder) {
  EXPECT_EQ(read({{"retry-after", "2"}}).retry_after(), Wait(2s));
  EXPECT_EQ(read({{"Retry-After-Ms", "1500"}, {"Retry-After", "2"}}).retry_after(), Wait(1500ms));
  EXPECT_EQ(read({{"retry-after", "2"}, {"retry-after-ms", " 1500.5 "}}).retry_after(),
            Wait(1500500us));
  EXPECT_EQ(read({{"retry-after", "2"}, {"retry-after-ms", "x"}}).retry_after(), Wait(2s));
  EXPECT_EQ(read({{"retry-after-mss", "2"}}).retry_after(), Wait());
  EXPECT_EQ(read({}).retry_after(), Wait());
}

TEST(ProviderLimits, ShouldRetryIsTrueOrFalse) {
  EXPECT_EQ(read({{"X-Should-Retry", "true"}}).should_retry(), std::optional(true));
  EXPECT_EQ(read({{"x-should-retry", "False"}}).should_retry(), std::optional(false));
  EXPECT_EQ(read({{"x-should-retry", "maybe"}}).should_retry(), std::nullopt);
  EXPECT_EQ(read({}).should_retry(), std::nullopt);
}

TEST(ProviderLimits, WhatIsUsedUpSaysWhenItComesBack) {
  struct Row {
    const char* what;
    Fields fields;
    Wait whole, next;
  };
  const Row rows[] = {
      {"nothing said", {}, {}, {}},
      {"as OpenAI says it; room left",
       {{"x-ratelimit-limit-requests", "10000"},
        {"x-ratelimit-remaining-requests", "9999"},
        {"x-ratelimit-reset-requests", "6ms"}}, {}, {}},
      {"no request left: the next one comes with its share",
       {{"x-ratelimit-limit-requests", "60"},
        {"x-ratelimit-remaining-requests", "0"},
        {"x-ratelimit-reset-requests", "1m0s"}}, 60s, 1s},
      {"no limit said: then it is all of it",
       {{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "5s"}}, 5s, 5s},
      {"no tokens left",
       {{"x-ratelimit-limit-tokens", "200000"},
        {"x-ratelimit-remaining-tokens", "0"},
        {"x-ratelimit-reset-tokens", "8s"}}, 8s, 1s},
      {"both: the longer ones",
       {{"x-ratelimit-limit-requests", "10"},
        {"x-ratelimit-remaining-requests", "0"},
        {"x-ratelimit-reset-requests", "10s"},
        {"x-ratelimit-remaining-tokens", "0"},
        {"x-ratelimit-reset-tokens", "16s"}}, 16s, 2s},
      {"Anthropic",
       {{"anthropic-ratelimit-input-tokens-limit", "400000"},
        {"anthropic-ratelimit-input-tokens-remaining", "0"},
        {"anthropic-ratelimit-input-tokens-reset", "2026-11-22T01:00:40Z"},
        {"anthropic-ratelimit-requests-remaining", "3999"}}, 40s, 5s},
      {"Mistral's minute",
       {{"x-ratelimit-limit-req-minute", "100"}, {"x-ratelimit-remaining-req-minute", "0"}}, 60s,
       60s},
      {"Mistral's month isn't waited for", {{"x-ratelimit-remaining-tokens-month", "0"}}, {}, {}},
      {"OpenRouter's moment",
       {{"X-RateLimit-Limit", "20"},
        {"X-RateLimit-Remaining", "0"},
        {"X-RateLimit-Reset", "1795309240000"}}, 40s, 2s},
      {"Azure's bare seconds",
       {{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "7"}}, 7s, 7s},
      {"nobody says when", {{"x-ratelimit-remaining-requests", "0"}}, 1s, 1s},
      {"rubbish",
       {{"x-ratelimit-remaining-requests", "none"}, {"x-ratelimit-remaining-tokens", "-1"}}, {}, {}},
      {"a limit of zero divides nothing",
       {{"x-ratelimit-limit-requests", "0"},
        {"x-ratelimit-remaining-requests", "0"},
        {"x-ratelimit-reset-requests", "9s"}}, 9s, 9s},
  };
  for (const Row& row : rows) {
    const auto used_up = read(row.fields).used_up();
    EXPECT_EQ(used_up ? Wait(used_up->whole) : Wait(), row.whole) << row.what;
    EXPECT_EQ(used_up ? Wait(used_up->next) : Wait(), row.next) << row.what;
  }
}

// Any octets: no crash, no wait out of bounds.
TEST(ProviderLimits, TakesAnyOctets) {
  std::mt19937 random(11);
  const std::string_view alphabet = "0123456789.smhunTZ:-+ ,GMNovSun\t\x80";
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    for (const Wait wait : {parse_reset(text, kNow), parse_retry_after(text, kNow)}) {
      if (!wait) continue;
      ASSERT_GE(*wait, 0ns) << text;
      ASSERT_LE(*wait, kLongestWait) << text;
    }
  }
}

}  // namespace
}  // namespace farebox
