// BodyReach: what a request may cost beyond the octets of its body: the sound worst case of a
// hold needs it (design 8).
//
// Whatever isn't known is said in the dearer way: a content part or a tool of an unknown type
// counts as `elsewhere` or `unknown_tools`, never as nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/dialect/server_tools.hpp"

namespace farebox {

inline constexpr std::string_view kLongContextBeta = "context-1m";

// The tools that the provider itself may run in this call, and how often.
class OfferedTools {
 public:
  static constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

  // `most`: calls that the request allows; 0: it sets no bound. Two of a kind add up.
  void offer(ServerTool tool, std::uint64_t most) { add(uses_[index(tool)], most); }
  // A tool without a fee of its own whose results the model reads (Gemini's urlContext).
  void offer_free(std::uint64_t most) { add(free_, most); }
  // All calls of tools together (`max_tool_calls`); 0: not said.
  void bound_all(std::uint64_t most) {
    if (most != 0 && most < all_) all_ = most;
  }

  bool any() const { return any_; }
  // 0: not offered.
  std::uint64_t most_uses(ServerTool tool) const { return std::min(uses_[index(tool)], all_); }
  // Of all of them together. The model reads its whole input again after each, so the input
  // of such a call is at most (1 + most_uses()) context windows.
  std::uint64_t most_uses() const;

 private:
  static std::size_t index(ServerTool tool) { return static_cast<std::size_t>(tool); }
  static std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return a > kUnbounded - b ? kUnbounded : a + b;
  }
  void add(std::uint64_t& to, std::uint64_t most) {
    to = sum(to, most == 0 ? kUnbounded : most);
    any_ = true;
  }

  std::array<std::uint64_t, kServerTools> uses_{};
  std::uint64_t free_ = 0;
  std::uint64_t all_ = kUnbounded;
  bool any_ = false;
};

struct BodyReach {
  bool media_inline = false;      // images, audio, video, files, PDF as base64, or in a form
  bool elsewhere = false;         // URLs, file ids, earlier answers, caches, stored prompts, unknown
  bool unknown_tools = false;     // something runs at the provider whose fees can't be bounded
  bool answers_in_media = false;  // audio or images are asked for
  bool long_context = false;      // Anthropic's beta for a larger window, said in the body
  bool other_models = false;      // the provider may answer with another model that is named
  OfferedTools tools;
  std::uint64_t inputs = 1;       // prompts of a list, texts to embed, documents to rank
  // Tokens that the provider puts before the input without being told to in as many octets: the
  // template of a chat, system prompts of its own and for tools.
  std::uint64_t added_input_tokens = 0;
  std::uint64_t reasoning_budget = 0;  // tokens of thinking, a part of the output; 0: not said
  // Octets of a predicted answer (OpenAI `prediction`): what of it is rejected is billed as
  // output that no maximum covers.
  std::uint64_t predicted_octets = 0;

  // The octets of the body and `added_input_tokens` bound the tokens of the input.
  bool input_is_whole() const {
    return !media_inline && !elsewhere && !unknown_tools && !tools.any();
  }
};

// Whom a request says it is for. Bounded: longer values are dropped, not cut.
struct SaidScope {
  static constexpr std::size_t kMostUser = 512;
  static constexpr std::size_t kMostPairs = 16;  // openai-openapi: Metadata
  static constexpr std::size_t kMostKey = 64;
  static constexpr std::size_t kMostValue = 512;

  std::string user;  // OpenAI `user`, `safety_identifier`; Anthropic `metadata.user_id`
  // OpenAI `metadata`, Bedrock `requestMetadata`, Vertex `labels`: strings by name, as they came.
  std::vector<std::pair<std::string, std::string>> metadata;
};

}  // namespace farebox
