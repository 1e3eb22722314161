#include "config/encoding.hpp"

#include <algorithm>
#include <array>

namespace farebox {
namespace {

constexpr std::array<std::string_view, 7> kNames = {
    "o200k_base", "o200k_harmony", "cl100k_base", "p50k_base", "p50k_edit", "r50k_base", "gpt2"};

constexpr std::array<std::string_view, 2> kO200k = {"<|endoftext|>", "<|endofprompt|>"};
constexpr std::array<std::string_view, 10> kHarmony = {
    "<|startoftext|>", "<|endoftext|>", "<|return|>",  "<|constrain|>", "<|channel|>",
    "<|start|>",       "<|end|>",       "<|message|>", "<|call|>",      "<|endofprompt|>"};
constexpr std::array<std::string_view, 5> kCl100k = {
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"};
constexpr std::array<std::string_view, 4> kP50kEdit = {"<|endoftext|>", "<|fim_prefix|>",
                                                       "<|fim_middle|>", "<|fim_suffix|>"};
constexpr std::array<std::string_view, 1> kEndOfText = {"<|endoftext|>"};

}  // namespace

std::string_view name_of(Encoding encoding) { return kNames[static_cast<std::size_t>(encoding)]; }

std::span<const std::string_view> encoding_names() { return kNames; }

std::optional<Encoding> encoding_named(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Encoding>(found - kNames.begin());
}

std::span<const std::string_view> special_tokens(Encoding encoding) {
  switch (encoding) {
    case Encoding::o200k_base: return kO200k;
    case Encoding::o200k_harmony: return kHarmony;
    case Encoding::cl100k_base: return kCl100k;
    case Encoding::p50k_edit: return kP50kEdit;
    default: return kEndOfText;
  }
}

Encoding base_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::o200k_harmony: return Encoding::o200k_base;
    case Encoding::p50k_edit: return Encoding::p50k_base;
    case Encoding::gpt2: return Encoding::r50k_base;
    default: return encoding;
  }
}

}  // namespace farebox
