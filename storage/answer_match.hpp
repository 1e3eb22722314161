// AnswerMatch: an Invalidation, ready to be held against very many answers.
//
// A plain value; reading it is thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "storage/answer_cache.hpp"

namespace farebox {

// 64 lower-case hexadecimal digits, as Answer::depends_on names a key.
std::string key_text(const AnswerKey& key);
std::optional<AnswerKey> key_of_text(std::string_view text);

class AnswerMatch {
 public:
  explicit AnswerMatch(const Invalidation& what);

  // What is named by it, and what depends on a key or a tag that is named.
  bool names(const AnswerKey& key, std::string_view name, std::span<const std::string> tags,
             std::span<const std::string> depends_on) const;
  bool names(const AnswerKey& key, const Answer& answer) const {
    return names(key, answer.name, answer.tags, answer.depends_on);
  }

  // By the pattern alone.
  bool names_name(std::string_view name) const;

  // Every answer there is.
  bool everything() const;
  // Roughly what it holds, in names.
  std::size_t terms() const { return keys_.size() + tags_.size() + depends_on_.size() + 1; }

  const Invalidation& what() const { return what_; }
  // What answers may depend on that fall with it.
  const auto& fallen_terms() const { return depends_on_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Texts = std::unordered_set<std::string, TextHash, std::equal_to<>>;

  Invalidation what_;
  std::unordered_set<AnswerKey, DigestHash> keys_;
  Texts tags_, depends_on_;
};

}  // namespace farebox
