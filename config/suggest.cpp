#include "config/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace farebox {

namespace {

// Insertions, deletions, replacements and swaps of neighbours between two words
// (the "optimal string alignment" distance).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view closest_word(std::string_view misspelt, std::span<const std::string_view> words) {
  if (misspelt.empty() || misspelt.size() > 64) return "";
  const std::size_t tolerated = std::max<std::size_t>(1, misspelt.size() / 3);
  std::string_view closest;
  std::size_t smallest = tolerated + 1;
  for (const std::string_view word : words) {
    const std::size_t distance = edit_distance(misspelt, word);
    if (distance < smallest) {
      smallest = distance;
      closest = word;
    }
  }
  if (!closest.empty()) return closest;
  for (const std::string_view word : words) {
    const bool related = misspelt.starts_with(word) || word.starts_with(misspelt);
    if (related && word.size() > closest.size()) closest = word;
  }
  return closest;
}

std::string did_you_mean(std::string_view misspelt, std::span<const std::string_view> words) {
  const std::string_view closest = closest_word(misspelt, words);
  if (closest.empty()) return fmt::format("it must be one of {}", listed(words));
  return fmt::format("did you mean '{}'?", closest);
}

std::string listed(std::span<const std::string_view> words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace farebox
