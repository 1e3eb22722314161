// The vocabularies inside the program: read-only data, in memory only as far as it is touched.
// Which ones are there depends on what ./dev setup could fetch before the build.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/vocabulary/format.hpp"

namespace farebox {

struct PackedVocabulary {
  const unsigned char* at = nullptr;  // its length tables, then what they point at
  std::uint32_t tokens = 0;
  std::uint32_t longest = 0;  // octets of the longest token
};

// That of a rank file's name, such as "o200k_base"; nothing where the build had no such file.
std::optional<PackedVocabulary> bundled_vocabulary(std::string_view name);

// The pages of Unicode classes: kCodePoints / kPage page numbers, then the pages.
const unsigned char* bundled_classes();

}  // namespace farebox
