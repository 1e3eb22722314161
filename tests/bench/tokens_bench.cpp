// Counts texts and says how fast, for tests/bench/tokens.py.
//
//   tokens_bench ENCODING PASSES < texts.jsonl     {"text": ...} a line
//
// Prints {"counts": [...], "cold": seconds, "warm": seconds}: processor time of the first pass,
// with a new counter, and of the best of the others. "json" is warm too, from the escaped text.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/tokens/json_text.hpp"

namespace {

using namespace farebox;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Act>
double timed(Act act) {
  const double began = processor_seconds();
  act();
  return processor_seconds() - began;
}

}  // namespace

int main(int argc, char** argv) {
  const auto encoding = encoding_named(argc == 3 ? argv[1] : "");
  auto counter = encoding ? TokenCounter::make(*encoding) : std::nullopt;
  if (!counter) {
    fmt::print(stderr, "usage: tokens_bench ENCODING PASSES < texts.jsonl; ENCODING as far as it was built in\n");
    return 64;
  }
  std::vector<std::string> texts, raw;
  for (std::string line; std::getline(std::cin, line);) {
    texts.push_back(nlohmann::json::parse(line)["text"]);
    const std::string quoted = nlohmann::json(texts.back()).dump();
    raw.push_back(quoted.substr(1, quoted.size() - 2));
  }
  std::vector<std::size_t> counts(texts.size());
  const auto pass = [&] {
    for (std::size_t i = 0; i < texts.size(); ++i) counts[i] = counter->count(texts[i]);
  };
  const double cold = timed(pass);
  double warm = cold;
  double json = 1e9;
  for (int i = 1; i < std::atoi(argv[2]); ++i) {
    warm = std::min(warm, timed(pass));
    json = std::min(json, timed([&] {
      for (const std::string& each : raw) count_json_string(*counter, each);
    }));
  }
  fmt::print("{{\"counts\": [{}], \"cold\": {}, \"warm\": {}, \"json\": {}}}\n", fmt::join(counts, ","), cold, warm, json);
  return 0;
}
