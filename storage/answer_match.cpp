#include "storage/answer_match.hpp"

#include <algorithm>

#include "policy/key_ring.hpp"

namespace farebox {

// Before the digits of a digest.
constexpr std::string_view kAlgorithm = "sha256:";

std::string key_text(const AnswerKey& key) { return digest_text(key).substr(kAlgorithm.size()); }

std::optional<AnswerKey> key_of_text(std::string_view text) {
  const auto key = parse_digest(std::string(kAlgorithm).append(text));
  // One key has one text: digits of the other case are none.
  return key && key_text(*key) == text ? key : std::nullopt;
}

AnswerMatch::AnswerMatch(const Invalidation& what)
    : what_(what),
      keys_(what.keys.begin(), what.keys.end()),
      tags_(what.tags.begin(), what.tags.end()),
      depends_on_(what.depends_on.begin(), what.depends_on.end()) {
  depends_on_.insert(what.tags.begin(), what.tags.end());
  for (const AnswerKey& key : what.keys) depends_on_.insert(key_text(key));
}

bool AnswerMatch::names(const AnswerKey& key, std::string_view name,
                        std::span<const std::string> tags,
                        std::span<const std::string> depends_on) const {
  const auto any = [](const Texts& texts, std::span<const std::string> of) {
    if (texts.empty()) return false;
    return std::any_of(of.begin(), of.end(), [&](const std::string& each) { return texts.contains(each); });
  };
  return any(tags_, tags) || any(depends_on_, depends_on) ||
         (!keys_.empty() && keys_.contains(key)) || names_name(name);
}

bool AnswerMatch::names_name(std::string_view name) const {
  return !what_.pattern.empty() && matches_glob(what_.pattern, name);
}

bool AnswerMatch::everything() const {
  return !what_.pattern.empty() && what_.pattern.find_first_not_of('*') == std::string::npos;
}

}  // namespace farebox
