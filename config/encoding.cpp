#include "config/encoding.hpp"

#include <algorithm>
#include <array>

namespace farebox {
namespace {

constexpr std::array<std::string_view, 7> kNames = {
    "o200k_base", "o200k_harmony", "cl100k_base", "p50k_base", "p50k_edit", "r50k_base", "gpt2"};

}  // namespace

std::string_view name_of(Encoding encoding) { return kNames[static_cast<std::size_t>(encoding)]; }

std::span<const std::string_view> encoding_names() { return kNames; }

std::optional<Encoding> encoding_named(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Encoding>(found - kNames.begin());
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
