#include "config/vocabulary/bundled.hpp"

#include "config/base/check.hpp"

namespace farebox {

extern "C" const unsigned char farebox_vocabularies[];

namespace {

using namespace packed;

Header read_header() {
  Header header;
  std::memcpy(&header, farebox_vocabularies, sizeof header);
  CHECK(std::memcmp(header.magic, kMagic, sizeof kMagic) == 0);
  CHECK(header.entries <= kMostVocabularies);
  return header;
}

}  // namespace

std::optional<PackedVocabulary> bundled_vocabulary(std::string_view name) {
  const Header header = read_header();
  for (std::uint32_t i = 0; i < header.entries; ++i) {
    const Entry& entry = header.entry[i];
    if (name != entry.name) continue;
    return PackedVocabulary{farebox_vocabularies + entry.at, entry.tokens, entry.longest};
  }
  return std::nullopt;
}

const unsigned char* bundled_classes() { return farebox_vocabularies + read_header().classes_at; }

}  // namespace farebox
