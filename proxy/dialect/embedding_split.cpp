// The reply to joined embedding calls, split again (embedding_batch.hpp).
#include <algorithm>
#include <optional>

#include "proxy/dialect/embedding_batch.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/share_out.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kMostAround = 16 << 10;  // octets that aren't elements of `data`
constexpr std::size_t kMostNumbers = 64;       // in `usage`

// A range of the reply's octets.
struct Range {
  std::size_t begin = 0, end = 0;
};

// An element of `data`, and where its index stands.
struct Element {
  Range all, index;
};

// Members that some servers put counts or costs into, or errors: no reply we can split.
bool is_strange(std::string_view key) {
  for (const std::string_view name : {"error", "errors", "detail", "meta", "stats", "usage_info",
                                      "usageMetadata", "x_groq", "input_token_count", "cost"}) {
    if (key == name) return true;
  }
  return false;
}

class Split {
 public:
  Split(std::string_view reply, std::span<const std::uint64_t> weights)
      : reply_(reply), weights_(weights), cursor_(reply), elements_(weights.size()) {}

  std::optional<std::vector<std::string>> run() {
    if (weights_.empty() || !walk()) return std::nullopt;
    const std::size_t around = reply_.size() - (inner_.end - inner_.begin);
    if (around > kMostAround || !share()) return std::nullopt;
    std::vector<std::string> replies;
    replies.reserve(weights_.size());
    for (std::size_t i = 0; i < weights_.size(); ++i) replies.push_back(write(i, around));
    return replies;
  }

 private:
  std::string_view text(Range range) const {
    return reply_.substr(range.begin, range.end - range.begin);
  }

  // False: no reply to these calls.
  bool walk() {
    cursor_.each_member([&](std::string_view key) {
      if (key == "data") {
        fits_ = fits_ && !data_seen_;
        data_seen_ = true;
        read_data();
      } else if (key == "usage") {
        fits_ = fits_ && !usage_seen_;
        usage_seen_ = true;
        if (cursor_.kind() == Kind::object) read_usage(true);
        else fits_ = fits_ && cursor_.kind() == Kind::null;
      } else if (is_strange(key)) {
        fits_ = fits_ && cursor_.kind() == Kind::null;
      }
    });
    return cursor_.at_end() && fits_ && found_ == weights_.size();
  }

  void read_data() {
    if (cursor_.kind() != Kind::array) {
      fits_ = false;
      return;
    }
    // What stands before the first element and behind the last one stays around each.
    Range inner;
    cursor_.each_element([&] {
      const std::size_t begin = cursor_.offset();
      read_element();
      if (inner.end == 0) inner.begin = begin;
      inner.end = cursor_.offset();
    });
    inner_ = inner;
  }

  void read_element() {
    Element element;
    std::optional<std::uint64_t> index;
    bool embedded = false;
    element.all.begin = cursor_.offset();
    cursor_.each_member([&](std::string_view key) {
      if (key == "index") {
        fits_ = fits_ && !index;
        const bool number = cursor_.kind() == Kind::number;
        element.index.begin = cursor_.offset();
        index = cursor_.count();
        element.index.end = cursor_.offset();
        fits_ = fits_ && number;
      } else if (key == "embedding") {
        const Kind kind = cursor_.kind();
        fits_ = fits_ && !embedded;
        embedded = kind == Kind::array || kind == Kind::string || kind == Kind::object;
      }
    });
    element.all.end = cursor_.offset();
    if (!index || *index >= elements_.size() || !embedded || elements_[*index].all.end != 0) {
      fits_ = false;
      return;
    }
    elements_[*index] = element;
    ++found_;
  }

  // Notes where the numbers of an object or array are; `top` is `usage` itself.
  void read_usage(bool top) {
    if (cursor_.kind() == Kind::array) {
      cursor_.each_element([&] { read_number({}); });
      return;
    }
    cursor_.each_member([&](std::string_view key) {
      read_number(top ? key : std::string_view());
    });
  }

  void read_number(std::string_view top_key) {
    switch (cursor_.kind()) {
      case Kind::object:
      case Kind::array: return read_usage(false);
      case Kind::number: break;
      case Kind::string: return read_quoted();
      default: return;
    }
    const std::size_t begin = cursor_.offset();
    const bool prompt = top_key == "prompt_tokens";
    if (prompt || (top_key == "total_tokens" && !tokens_)) {
      JsonCursor count = cursor_;
      tokens_ = count.count();
    }
    cursor_.number();
    note({begin, cursor_.offset()});
  }

  // Some say an amount of money as a string.
  void read_quoted() {
    const std::size_t begin = cursor_.offset();
    const auto said = cursor_.string();
    if (!said || said->escaped) return;
    JsonCursor inside(said->raw);
    if (inside.number() && inside.at_end()) note({begin + 1, begin + 1 + said->raw.size()});
  }

  void note(Range number) {
    if (numbers_.size() == kMostNumbers) fits_ = false;
    if (fits_) numbers_.push_back(number);
  }

  // False: one of the numbers can't be shared.
  bool share() {
    std::vector<std::uint64_t> tokens(weights_.begin(), weights_.end());
    if (tokens_.value_or(0) != 0) tokens = share_to_each(*tokens_, weights_);
    for (const Range number : numbers_) {
      auto parts = share_number(text(number), tokens);
      if (!parts) return false;
      parts_.push_back(std::move(*parts));
    }
    return true;
  }

  std::string write(std::size_t place, std::size_t around) const {
    const Element& element = elements_[place];
    std::string out;
    out.reserve(around + (element.all.end - element.all.begin) + 8 * numbers_.size());
    std::size_t at = 0;
    const auto put_element = [&] {
      out += text({at, inner_.begin});
      out += text({element.all.begin, element.index.begin});
      out += '0';
      out += text({element.index.end, element.all.end});
      at = inner_.end;
    };
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      if (at < inner_.end && numbers_[i].begin > inner_.begin) put_element();
      out += text({at, numbers_[i].begin});
      out += parts_[i][place];
      at = numbers_[i].end;
    }
    if (at < inner_.end) put_element();
    out += text({at, reply_.size()});
    return out;
  }

  std::string_view reply_;
  std::span<const std::uint64_t> weights_;
  JsonCursor cursor_;
  std::vector<Element> elements_;  // by their index
  std::size_t found_ = 0;
  Range inner_;  // of `data`, from the first element to the last
  bool data_seen_ = false, usage_seen_ = false;
  std::vector<Range> numbers_;  // of `usage`, as they come
  std::vector<std::vector<std::string>> parts_;  // of each number, one for each call
  std::optional<std::uint64_t> tokens_;
  bool fits_ = true;
};

}  // namespace

std::optional<std::vector<std::string>> split_embedding_reply(
    std::string_view reply, std::span<const std::uint64_t> weights) {
  return Split(reply, weights).run();
}

}  // namespace farebox
