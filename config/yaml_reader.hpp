// YamlReader: typed reads from a YAML tree, one line per key.
//
// A MapReader reads the keys of one map; a ValueReader is one value with the path
// that messages name it by. A read that fails reports what, why and how to mend,
// leaves the target as it was (the default) and goes on. Keys that nobody asked
// for are reported as unknown when the map's reading is over.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/money.hpp"
#include "config/base/result.hpp"
#include "config/base/secret.hpp"
#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/text_rules.hpp"
#include "config/yaml_document.hpp"

namespace farebox {

struct ReadContext {
  std::string file;
  const Environment& environment;
  Problems problems;
  std::map<std::string, Place, std::less<>> places;  // of every key read so far
  std::set<std::string, std::less<>> secret_variables;  // that a secret was filled in from
};

// What a value of each type must keep to, both ends included.
struct Count {
  std::uint64_t min, max;
};
struct Duration {
  std::chrono::milliseconds min, max;
};
struct Bytes {
  std::uint64_t min, max;
};


// The words an enum is written as.
template <class E>
struct Choice {
  std::string_view word;
  E value;
};

class MapReader;

class ValueReader {
 public:
  ValueReader(const YamlNode& node, std::string path, ReadContext& context)
      : node_(node), path_(std::move(path)), context_(context) {}

  const YamlNode& node() const { return node_; }
  const std::string& path() const { return path_; }
  Place place() const { return {context_.file, node_.line}; }

  // The text of a scalar after substitution.
  std::optional<std::string> scalar() const;

  void into(bool& target) const;
  void into(std::uint32_t& target, Count range) const;
  void into(std::uint64_t& target, Count range) const;
  void into(std::uint64_t& target, Bytes range) const;
  void into(std::chrono::milliseconds& target, Duration range) const;
  void into(std::chrono::seconds& target, Duration range) const;
  void into(Money& target) const;  // USD, not negative
  void into(std::string& target, const TextRule& rule) const;
  void into(std::vector<std::string>& target, const TextRule& rule) const;
  template <class E, std::size_t N>
  void into(E& target, const std::array<Choice<E>, N>& choices) const {
    std::array<std::string_view, N> words;
    for (std::size_t i = 0; i < N; ++i) words[i] = choices[i].word;
    if (const auto chosen = index_of_word(words)) target = choices[*chosen].value;
  }
  void millionths_into(std::uint32_t& target) const;

  // False when it was refused; an empty one is accepted.
  bool secret_into(Secret& target) const;

  void map(const std::function<void(MapReader&)>& read) const;
  void list(const std::function<void(const ValueReader&)>& read) const;

  // "path is 'value', why; how". The value is shown as the file has it, never as
  // the environment filled it in.
  void refuse(std::string_view why) const;
  // The same without the value: for secrets, lists and maps.
  void refuse_unseen(std::string_view why) const;
  void warn_unseen(std::string_view why) const;

 private:
  std::optional<std::size_t> index_of_word(std::span<const std::string_view> words) const;
  std::optional<std::uint64_t> count(Count range) const;
  std::optional<std::chrono::milliseconds> duration(Duration range) const;

  const YamlNode& node_;
  std::string path_;
  ReadContext& context_;
};

class MapReader {
 public:
  MapReader(const YamlNode& node, std::string path, ReadContext& context)
      : node_(node), path_(std::move(path)), context_(context) {}

  template <class T, class... Rule>
  void read(std::string_view key, T& target, const Rule&... rule) {
    if (const auto value = find(key)) value->into(target, rule...);
  }
  void map(std::string_view key, const std::function<void(MapReader&)>& read_keys) {
    if (const auto value = find(key)) value->map(read_keys);
  }
  void list(std::string_view key, const std::function<void(const ValueReader&)>& read_item) {
    if (const auto value = find(key)) value->list(read_item);
  }
  void millionths(std::string_view key, std::uint32_t& target) {
    if (const auto value = find(key)) value->millionths_into(target);
  }
  // Every key is allowed: the names of providers, tags, models.
  void each(const std::function<void(const std::string& key, const ValueReader&)>& read_item);

  // One secret at `keys.plain`, or in the file that `keys.file` names; never both.
  struct Twins {
    std::string_view plain, file;
  };
  void secret(Twins keys, Secret& target);
  // Many, one a line in the file. A refused one leaves an empty Secret in its place.
  void secrets(Twins keys, std::vector<Secret>& target);

  // The value at a key, if it is there; the key counts as known from now on.
  std::optional<ValueReader> find(std::string_view key);
  bool has(std::string_view key) const { return node_of(key) != nullptr; }

  // What stands there was refused.
  bool is_broken(std::string_view key) const;

  // Complains when the map lacks it. `example` is how to write it.
  void require(std::string_view key, std::string_view example) const;

  // A rule between keys of this map: "path.key why; how", at the line of the key.
  void refuse(std::string_view key, std::string_view why) const;

  const std::string& path() const { return path_; }
  Place place() const { return {context_.file, node_.line}; }
  ReadContext& context() { return context_; }

  // Reports the keys that nobody asked for. Called by whoever made the reader.
  void report_unknown_keys() const;

 private:
  const YamlNode* node_of(std::string_view key) const;
  std::string path_of(std::string_view key) const;
  bool only_one_of(Twins keys) const;
  std::vector<Secret> secrets_of_file(std::string_view key);

  const YamlNode& node_;
  std::string path_;
  ReadContext& context_;
  std::vector<std::string_view> known_;  // literals of the callers
  bool every_key_allowed_ = false;
};

}  // namespace farebox
