// Those who put an answer together from the events of a stream (whole_answer.hpp), one for each
// API. They are given the data of the events in their order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/raw_members.hpp"

namespace farebox {

// OpenAI's responses: the last event has all of it.
class WholeResponse {
 public:
  // False: there is no whole answer.
  bool take(std::string_view data);
  std::optional<std::string> finish();

 private:
  std::string answer_;
  std::uint64_t items_ = 0;  // that were told one by one
};

// Anthropic's messages.
class WholeMessage {
 public:
  bool take(std::string_view data);
  std::optional<std::string> finish();

 private:
  struct Block {
    RawMembers members;
    std::string input;  // of a tool, as far as it is told: what stands between the quotes
    bool open = true;
  };

  bool start(const RawMembers& event);
  bool start_block(const RawMembers& event);
  bool grow_block(const RawMembers& event);
  bool stop_block(const RawMembers& event);
  bool change(const RawMembers& event);
  Block* open_block(const RawMembers& event);

  std::optional<RawMembers> message_;
  RawMembers usage_;
  std::vector<Block> blocks_;
  bool stopped_ = false;
};

// OpenAI's chat completions and what is compatible with them.
class WholeChat {
 public:
  bool take(std::string_view data);
  std::optional<std::string> finish();

 private:
  struct Call {
    std::string id, type, name, arguments;  // JSON
  };
  // Values as JSON; empty: never said.
  struct Choice {
    std::string role, content, refusal, reasoning, reasoning_content;
    std::vector<Call> calls;
    std::string finish_reason, native_finish_reason, stop_reason;
    std::string logprobs;  // null, where nothing else is said
    std::string logprobs_content, logprobs_refusal;
    std::optional<RawMembers> filters;  // Azure's, of all its chunks
  };

  bool take_choice(std::string_view text);
  static bool take_delta(Choice& choice, std::string_view text);
  static bool take_call(Choice& choice, std::string_view text);
  static bool take_logprobs(Choice& choice, std::string_view text);
  static bool take_filters(Choice& choice, std::string_view text);
  static void write_choice(std::string& out, const Choice& choice, std::size_t index);

  std::string id_, created_, model_, provider_, usage_, service_tier_, fingerprint_;
  std::string prompt_filters_;  // Azure's
  std::vector<Choice> choices_;
  bool done_ = false;
};

}  // namespace farebox
