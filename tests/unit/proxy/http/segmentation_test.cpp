// Segmentation never matters (reliability, H6): whole, octet by octet, and cut once at
// every place, the same octets mean the same, be they valid or not.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/http_transcript.hpp"

namespace farebox::http {
namespace {

using testing::answers_of;
using testing::Cuts;
using testing::every;
using testing::requests_of;

// Beside the checkout, or where FAREBOX_FACTS_DIR says.
std::string shared_cases() {
  const char* const said = std::getenv("FAREBOX_FACTS_DIR");
  return std::string(said != nullptr ? said : FAREBOX_SOURCE_DIR "/../shared") + "/http1/cases.jsonl";
}

std::string decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xFF);
    }
  }
  return out;
}

template <class Read>
void expect_one_verdict(const std::string& raw, const std::string& whole, const Read& read,
                        const std::string& name) {
  EXPECT_EQ(read(every(raw.size(), 1)), whole) << name << " octet by octet";
  for (std::size_t cut = 1; cut < raw.size(); ++cut) {
    ASSERT_EQ(read(Cuts{cut}), whole) << name << " cut at " << cut;
  }
}

bool allows(const nlohmann::json& row, std::string_view outcome) {
  if (row["expected"].get<std::string>().starts_with(outcome)) return true;
  for (const auto& also : row.value("also_ok", nlohmann::json::array())) {
    if (also.get<std::string>().starts_with(outcome)) return true;
  }
  return false;
}

TEST(Segmentation, EverySharedCaseHasOneVerdictAndTheRightOne) {
  std::ifstream file(shared_cases());
  if (!file) GTEST_SKIP() << "no " << shared_cases() << "; set FAREBOX_FACTS_DIR to run these";
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string name = row["name"];
    const std::string raw = decode_base64(row["raw_request_base64"].get<std::string>());
    const std::string whole = requests_of(raw, {});
    expect_one_verdict(raw, whole, [&](const Cuts& cuts) { return requests_of(raw, cuts); }, name);

    const bool accepted = whole.find("\nend\n") != std::string::npos;
    if (row["expected"].get<std::string>().starts_with("response")) {
      EXPECT_TRUE(accepted) << name << ": " << whole;
      std::string answer;
      for (const auto& step : row["upstream"]["steps"]) {
        answer += decode_base64(step.value("send", ""));
      }
      const std::string read = answers_of(answer, "GET", {});
      expect_one_verdict(answer, read,
                         [&](const Cuts& cuts) { return answers_of(answer, "GET", cuts); }, name);
    } else {
      EXPECT_TRUE(accepted ? allows(row, "forward") : allows(row, "reject")) << name << ": " << whole;
    }
    ++cases;
  }
  EXPECT_EQ(cases, 44);
}

// What hostile octets are made of, so that random ones get past the first line.
constexpr std::string_view kWords[] = {
    "GET", "POST", " ", "/", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n", "\r\n\r\n", "Host: a\r\n",
    "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", ":", "\t",
    "3\r\nabc\r\n", "0\r\n\r\n", "0\r\n", "5;x=y\r\nhello\r\n", "abc", "\r", "\n", "X: y\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n", "POST /x HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No\r\n", "Expect: 100-continue\r\n", "ffffffffffffffff\r\n", "http://a/",
};

std::string any_octets(std::mt19937& random) {
  std::string octets = random() % 2 == 0 ? "" : "POST /x HTTP/1.1\r\nHost: a\r\n";
  for (auto words = random() % 24; words > 0; --words) {
    if (random() % 8 == 0) {
      octets += static_cast<char>(random() & 0xFF);
    } else {
      octets += kWords[random() % std::size(kWords)];
    }
  }
  return octets;
}

TEST(Segmentation, RandomOctetsHaveOneVerdict) {
  std::mt19937 random(20261121);
  const HeadLimits limits{60, 120, 6};
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string raw = any_octets(random);
    const std::string whole = requests_of(raw, {}, limits);
    const Cuts cuts = testing::random_cuts(raw.size(), random, 12);
    ASSERT_EQ(requests_of(raw, cuts, limits), whole) << raw;
    const std::string answers = answers_of(raw, "POST", {}, limits);
    ASSERT_EQ(answers_of(raw, "POST", cuts, limits), answers) << raw;
    if (whole.find("\nend\n") != std::string::npos) ++accepted;
    if (round % 20 != 0) continue;
    ASSERT_EQ(requests_of(raw, every(raw.size(), 1), limits), whole) << raw;
    ASSERT_EQ(answers_of(raw, "POST", every(raw.size(), 1), limits), answers) << raw;
  }
  EXPECT_GT(accepted, 200);  // else the test would look at refusals only
}

}  // namespace
}  // namespace farebox::http
