// BodyWalk: one walk over the JSON body of a request, filling BodyFacts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/body_keys.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/reach_walk.hpp"

namespace farebox {

inline constexpr std::size_t kMaxModel = 1024;  // a longer name is nobody's model

class BodyWalk {
 public:
  // What is read goes into `facts`; all must outlive the walk.
  BodyWalk(const Route& route, std::string_view text, BodyFacts& facts)
      : route_(route),
        facts_(facts),
        cursor_(text),
        keys_(keys_of(route)),
        reach_(route, cursor_, facts) {}

  // False: not valid JSON.
  bool run();

  // A key that came twice although policy depends on it; empty: none did.
  std::string repeated() const {
    return repeated_.empty() ? reach_.repeated() : std::string(repeated_);
  }
  bool empty_object() const { return members_ == 0; }
  // The object behind "stream_options", if it is one.
  bool has_options() const { return options_seen_; }
  std::size_t options_at() const { return options_at_; }
  bool options_empty() const { return options_members_ == 0; }
  bool says_include_usage() const { return include_usage_seen_; }

 private:
  void read_member(std::string_view key);
  bool read_bound_of(std::string_view key);
  void read_stream_options();
  void read_generation_config();
  void read_by_endpoint(std::string_view key);
  void read_parameters();
  void read_ollama_options();
  bool read_config(std::string_view key);
  void read_bedrock_config();
  void read_model_fields();
  void read_completion_args();
  void take_bound() {
    facts_.max_output_tokens = std::max(facts_.max_output_tokens, read_bound(cursor_));
  }
  void note(const KeyWatch& watch) {
    if (repeated_.empty()) repeated_ = watch.repeated();
  }

  const Route& route_;
  BodyFacts& facts_;
  JsonCursor cursor_;
  KeyWatch keys_;
  ReachWalk reach_;
  std::string_view repeated_;
  std::size_t members_ = 0;
  std::size_t options_at_ = std::string_view::npos;
  std::size_t options_members_ = 0;
  bool options_seen_ = false;
  bool include_usage_seen_ = false;
};

}  // namespace farebox
