// farebox count: the tokens of standard input, and what they would cost as input of a model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "config/tokenizer.hpp"
#include "policy/tokens/token_ratio.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

struct CountOptions {
  std::string model;     // empty: none, so no price
  std::string encoding;  // empty: the model's, else o200k_base
  bool jsonl = false;    // {"text": ...} a line in, a count a line out
  bool json = false;     // JSON on a terminal too
};

// What is counted with.
struct CountPlan {
  TokenizerOf tokenizer;
  std::string model;
  TokenRatio ratio{tokenizer};  // for estimates; better where a farebox here has learnt one
};

// The plan, or a sentence that says which words would be understood.
CommandResult<CountPlan> plan_count(const CountOptions& options);

struct CountAnswer {
  std::uint64_t tokens = 0;
  std::string cost_usd;  // empty: not priced
};

// Pure: one line, without its end.
std::string count_json(const CountPlan& plan, const CountAnswer& answer);
std::string count_text(const CountPlan& plan, const CountAnswer& answer);

// The octets between the quotes of the member "text" of a JSON object. The view ends with
// `line`, which gets some octets of padding.
CommandResult<std::string_view> text_of_line(std::string& line);

// Reads standard input to its end, and before what a farebox in data_dir has learnt, if it may.
// Gives the exit code.
int run_count(const Settings& settings, const CountOptions& options);

}  // namespace farebox
