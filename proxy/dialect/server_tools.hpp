// ServerTools: calls of tools that ran at the provider and are billed by the call, beside
// the tokens of the answer. They become extras of the usage.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/usage.hpp"

namespace farebox {

enum class ServerTool : std::uint8_t {
  web_search,
  web_fetch,
  file_search,
  code_interpreter,
  code_execution,   // Anthropic: by the time of its container
  image_generation,
  x_search,         // xAI: posts of X
  document_search,  // xAI collections, Mistral libraries
  live_search,      // xAI: sources a live search used
};
inline constexpr std::size_t kServerTools = 9;
std::string_view name_of(ServerTool tool);

class ServerTools {
 public:
  // What the provider counted itself; nothing leaves what was known.
  void say(ServerTool tool, std::optional<std::uint64_t> count) {
    if (count) counts_[index(tool)] = *count;
  }
  void add(ServerTool tool) { ++counts_[index(tool)]; }
  // Takes the larger count of every tool: two reports of the same calls.
  void merge(const ServerTools& other) {
    for (std::size_t i = 0; i < kServerTools; ++i) {
      if (other.counts_[i] > counts_[i]) counts_[i] = other.counts_[i];
    }
  }
  std::uint64_t count(ServerTool tool) const { return counts_[index(tool)]; }

  // One extra for each tool that was called.
  void put_into(Usage& usage) const;

 private:
  static std::size_t index(ServerTool tool) { return static_cast<std::size_t>(tool); }

  std::array<std::uint64_t, kServerTools> counts_{};
};

}  // namespace farebox
