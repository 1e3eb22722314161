// Run by the build: packs rank files ("base64 rank" a line) and the Unicode classes into the
// tables of format.hpp.
//
//   pack_vocabularies OUT unicode_classes.txt [NAME.tiktoken...]
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "config/vocabulary/classes.hpp"
#include "config/vocabulary/format.hpp"

namespace farebox {
namespace {

using namespace packed;

struct Token {
  std::string octets;
  std::uint32_t rank;
};

[[noreturn]] void stop(std::string_view why) {
  fmt::print(stderr, "pack_vocabularies: {}\n", why);
  std::exit(65);
}

std::string decode_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string octets;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) stop("not base64: " + std::string(text));
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have >= 8) {
      have -= 8;
      octets += static_cast<char>(bits >> have & 0xFF);
    }
  }
  return octets;
}

std::vector<Token> read_ranks(const std::string& path) {
  std::ifstream file(path);
  if (!file) stop("can't read " + path);
  std::vector<Token> tokens;
  for (std::string line; std::getline(file, line);) {
    const std::size_t blank = line.find(' ');
    std::uint32_t rank = 0;
    if (blank == line.npos ||
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), rank).ec != std::errc{} ||
        rank >= kNoRank) {
      stop(path + " has a line that is no token and rank: " + line);
    }
    tokens.push_back({decode_base64(std::string_view(line).substr(0, blank)), rank});
    if (tokens.back().octets.empty() || tokens.back().octets.size() > kLongestToken) {
      stop(path + " has a token that is empty or too long: " + line);
    }
  }
  if (tokens.empty()) stop(path + " is empty");
  return tokens;
}

void append(std::string& out, const void* data, std::size_t size) {
  out.append(static_cast<const char*>(data), size);
}

void align(std::string& out) { out.resize((out.size() + 3) / 4 * 4); }

std::uint64_t hash_token(const std::string& octets) {
  const auto* const at = reinterpret_cast<const unsigned char*>(octets.data());
  return octets.size() <= 16 ? hash_of(load_exact(at, octets.size())) : hash_of(at, octets.size());
}

// Seeds for which no two tokens share a slot: the fullest groups choose first.
class SlotFinder {
 public:
  explicit SlotFinder(const std::vector<const Token*>& tokens)
      : seeds_(tokens.size() / 4 + 1), owners_(tokens.size() + tokens.size() / 64 + 1) {
    std::vector<std::vector<const Token*>> groups(seeds_.size());
    for (const Token* token : tokens) {
      groups[seed_place(hash_token(token->octets), size_of(seeds_))].push_back(token);
    }
    std::vector<std::size_t> order(groups.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return groups[a].size() > groups[b].size();
    });
    for (const std::size_t each : order) {
      std::uint32_t seed = 0;
      while (!place(groups[each], static_cast<std::uint16_t>(seed))) {
        if (++seed > 0xFFFF) stop("no seed keeps the tokens of a group apart");
      }
      seeds_[each] = static_cast<std::uint16_t>(seed);
    }
  }

  const std::vector<std::uint16_t>& seeds() const { return seeds_; }
  const std::vector<const Token*>& owners() const { return owners_; }

 private:
  template <class T>
  static std::uint32_t size_of(const T& list) { return static_cast<std::uint32_t>(list.size()); }

  bool place(const std::vector<const Token*>& group, std::uint16_t seed) {
    std::vector<std::uint32_t> taken;
    for (const Token* token : group) {
      const std::uint32_t slot = slot_place(hash_token(token->octets), seed, size_of(owners_));
      if (owners_[slot] != nullptr || std::count(taken.begin(), taken.end(), slot) != 0) return false;
      taken.push_back(slot);
    }
    for (std::size_t i = 0; i < group.size(); ++i) owners_[taken[i]] = group[i];
    return true;
  }

  std::vector<std::uint16_t> seeds_;
  std::vector<const Token*> owners_;
};

// Appends one vocabulary and gives its entry.
Entry pack_vocabulary(const std::string& path, std::string& out) {
  const std::vector<Token> tokens = read_ranks(path);
  std::map<std::size_t, std::vector<const Token*>> by_length;
  for (const Token& token : tokens) by_length[token.octets.size()].push_back(&token);

  Entry entry{};
  const std::string name = std::filesystem::path(path).stem();
  if (name.size() >= sizeof entry.name) stop("too long a name: " + name);
  std::copy(name.begin(), name.end(), entry.name);
  entry.at = static_cast<std::uint32_t>(out.size());
  entry.tokens = static_cast<std::uint32_t>(tokens.size());
  entry.longest = static_cast<std::uint32_t>(by_length.rbegin()->first);

  LengthTable tables[kLongestToken + 1] = {};
  append(out, tables, sizeof tables);
  for (const auto& [length, list] : by_length) {
    const SlotFinder found(list);
    LengthTable& table = tables[length];
    table.seeds_at = static_cast<std::uint32_t>(out.size()) - entry.at;
    table.seeds = static_cast<std::uint32_t>(found.seeds().size());
    append(out, found.seeds().data(), found.seeds().size() * sizeof(std::uint16_t));
    table.slots_at = static_cast<std::uint32_t>(out.size()) - entry.at;
    table.slots = static_cast<std::uint32_t>(found.owners().size());
    for (const Token* owner : found.owners()) {
      const std::uint32_t rank = owner == nullptr ? kNoRank : owner->rank;
      append(out, &rank, 3);
      out += owner == nullptr ? std::string(length, '\0') : owner->octets;
    }
    align(out);
  }
  std::memcpy(out.data() + entry.at, tables, sizeof tables);
  return entry;
}

std::uint32_t hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size() || value >= kCodePoints) {
    stop("no code point: " + std::string(text));
  }
  return value;
}

std::vector<std::uint8_t> read_classes(const std::string& path) {
  static const std::map<std::string, CharClass> kNames = {
      {"upper:", CharClass::upper}, {"lower:", CharClass::lower},   {"letter:", CharClass::letter},
      {"mark:", CharClass::mark},   {"number:", CharClass::number}, {"space:", CharClass::space}};
  std::ifstream file(path);
  if (!file) stop("can't read " + path);
  std::vector<std::uint8_t> classes(kCodePoints);
  CharClass current = CharClass::other;
  for (std::string word; file >> word;) {
    if (word == "#") {
      std::getline(file, word);
    } else if (const auto name = kNames.find(word); name != kNames.end()) {
      current = name->second;
    } else {
      const std::string_view range = word;
      const std::size_t dash = range.find('-');
      const std::uint32_t first = hexadecimal(range.substr(0, dash));
      const std::uint32_t last = dash == range.npos ? first : hexadecimal(range.substr(dash + 1));
      for (std::uint32_t code = first; code <= last; ++code) {
        classes[code] = static_cast<std::uint8_t>(current);
      }
    }
  }
  classes['\r'] = classes['\n'] = static_cast<std::uint8_t>(CharClass::line);
  return classes;
}

void pack_classes(const std::string& path, std::string& out) {
  const std::vector<std::uint8_t> classes = read_classes(path);
  std::map<std::string, std::size_t> known;
  std::string pages, index;
  for (std::size_t at = 0; at < classes.size(); at += kPage) {
    const std::string page(classes.begin() + static_cast<std::ptrdiff_t>(at),
                           classes.begin() + static_cast<std::ptrdiff_t>(at + kPage));
    const auto [place, added] = known.emplace(page, known.size());
    if (added) pages += page;
    if (place->second > 0xFF) stop("more than 256 pages of classes");
    index += static_cast<char>(place->second);
  }
  out += index + pages;
  align(out);
}

int pack(const std::vector<std::string>& said) {
  if (said.size() < 3 || said.size() - 3 > kMostVocabularies) {
    fmt::print(stderr, "usage: pack_vocabularies OUT unicode_classes.txt [NAME.tiktoken...]\n");
    return 64;
  }
  Header header{};
  std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
  std::string out(sizeof header, '\0');
  for (std::size_t i = 3; i < said.size(); ++i) {
    header.entry[header.entries++] = pack_vocabulary(said[i], out);
  }
  header.classes_at = static_cast<std::uint32_t>(out.size());
  pack_classes(said[2], out);
  out.append(kPadding, '\0');
  header.size = static_cast<std::uint32_t>(out.size());
  std::memcpy(out.data(), &header, sizeof header);
  std::ofstream file(said[1], std::ios::binary | std::ios::trunc);
  file.write(out.data(), static_cast<std::streamsize>(out.size()));
  file.close();
  if (!file) stop("can't write " + said[1]);
  return 0;
}

}  // namespace
}  // namespace farebox

int main(int argc, char** argv) { return farebox::pack({argv, argv + argc}); }
