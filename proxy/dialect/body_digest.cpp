#include "proxy/dialect/body_digest.hpp"

#include <iterator>

#include "proxy/dialect/canonical_json.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kKept = 256 << 10;  // octets of each buffer, from one body to the next

// Members that no answer depends on, a bit each.
constexpr std::string_view kLeftOut[] = {"user", "metadata", "safety_identifier",
                                         "prompt_cache_key", "labels"};
constexpr std::size_t kLabels = 4;
// What is told apart, behind them.
constexpr unsigned kStream = 1u << 5, kStreamOptions = 1u << 6;

// -0, 0.0 and 0e5 too: all digits before the exponent are zeros.
bool is_zero(std::string_view number) {
  const std::string_view digits = number.substr(0, number.find_first_of("eE"));
  return digits.find_first_not_of("-0.") == std::string_view::npos;
}

class Walk {
 public:
  Walk(std::string_view body, DialectName dialect, CanonicalJson& canonical)
      : cursor_(body), canonical_(canonical), dialect_(dialect) {}

  std::optional<BodyDigest> run() {
    if (cursor_.kind() != Kind::object) return std::nullopt;
    said_.stream = dialect_ == DialectName::ollama;
    canonical_.add_object(cursor_, [this](std::string_view key) { return takes(key); });
    if (!cursor_.at_end() || canonical_.unsure() || unsure_) return std::nullopt;
    said_.digest = sha256(canonical_.text());
    said_.temperature_zero = zero_ && !warm_;
    if (!options_.empty()) {
      canonical_.clear(kKept);
      JsonCursor options(options_);
      canonical_.add_value(options);
      if (canonical_.unsure()) return std::nullopt;
      said_.form = sha256(canonical_.text());
    }
    return said_;
  }

 private:
  // The cursor stands at the value of a top-level member. False: it has no part in the digest.
  bool takes(std::string_view key) {
    if (key == "stream") {
      see_once(kStream);
      read_stream();
      return false;
    }
    if (key == "stream_options") {
      see_once(kStreamOptions);
      const Kind kind = cursor_.kind();
      const std::size_t begin = cursor_.offset();
      cursor_.skip();
      if (kind != Kind::null) options_ = cursor_.since(begin);
      return false;
    }
    for (std::size_t i = 0; i < std::size(kLeftOut); ++i) {
      if (key != kLeftOut[i]) continue;
      if (i == kLabels && dialect_ != DialectName::gemini) break;
      see_once(1u << i);
      return false;
    }
    read_state(key);
    read_sampling(key, cursor_);
    if (key == "generationConfig" || key == "generation_config" || key == "options" ||
        key == "inferenceConfig") {
      JsonCursor inside = cursor_;
      inside.each_member([&](std::string_view inner) { read_sampling(inner, inside); });
    }
    return true;
  }

  void see_once(unsigned bit) {
    unsure_ = unsure_ || (seen_ & bit) != 0;
    seen_ |= bit;
  }

  void read_stream() {
    if (cursor_.kind() == Kind::null) return;
    const std::optional<bool> stream = cursor_.boolean();
    unsure_ = unsure_ || !stream;
    said_.stream = stream.value_or(false);
  }

  // `at` stays where it is in both.
  void read_sampling(std::string_view key, JsonCursor at) {
    if (key == "temperature") {
      if (at.kind() == Kind::null) return;
      const auto number = at.number();
      (number && is_zero(*number) ? zero_ : warm_) = true;
    } else if (key == "seed" || key == "random_seed") {
      said_.seeded = said_.seeded || at.kind() == Kind::number;
    }
  }
  void read_state(std::string_view key) {
    if (key != "conversation" && key != "container" && key != "background") return;
    JsonCursor at = cursor_;
    if (at.kind() == Kind::null) return;
    said_.stateful = said_.stateful || at.kind() != Kind::boolean || at.boolean().value_or(false);
  }

  JsonCursor cursor_;
  CanonicalJson& canonical_;
  DialectName dialect_;
  BodyDigest said_;
  std::string_view options_;
  unsigned seen_ = 0;
  bool unsure_ = false;
  bool zero_ = false, warm_ = false;
};

}  // namespace

std::optional<BodyDigest> digest_body(std::string_view body, DialectName dialect) {
  if (body.size() > CanonicalJson::kMostOctets) return std::nullopt;
  thread_local CanonicalJson canonical;
  const std::optional<BodyDigest> said = Walk(body, dialect, canonical).run();
  canonical.clear(kKept);
  return said;
}

}  // namespace farebox
