#include "proxy/dialect/multipart.hpp"

#include <algorithm>
#include <charconv>

#include "proxy/http/head.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMaxPartHead = 8192;
constexpr std::size_t kMaxField = 1024;  // of the values that are read

// The parameter `name` of a header value such as `form-data; name="model"`, quoted or not:
// .NET clients send `name=model`. RFC 2045 section 5.1; a backslash escapes inside quotes.
std::optional<std::string> parameter(std::string_view value, std::string_view name) {
  std::size_t at = std::min(value.find(';'), value.size());
  while (at < value.size()) {
    ++at;  // the semicolon
    const std::size_t equals = value.find_first_of("=;", at);
    if (equals == value.npos) return std::nullopt;
    if (value[equals] == ';') {
      at = equals;
      continue;
    }
    const std::string_view found = http::trim(value.substr(at, equals - at));
    const bool wanted = http::equals_ignoring_case(found, name);
    at = std::min(value.find_first_not_of(" \t", equals + 1), value.size());
    std::string text;
    if (at < value.size() && value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        text.push_back(value[at]);
      }
      at = std::min(value.find(';', at), value.size());
    } else {
      const std::size_t end = std::min(value.find(';', at), value.size());
      text = http::trim(value.substr(at, end - at));
      at = end;
    }
    if (wanted) return text;
  }
  return std::nullopt;
}

// The field name in the head of a part, and whether the part is a file.
struct PartHead {
  std::string name;
  bool file = false;
};

PartHead read_head(std::string_view head) {
  PartHead part;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    if (!http::equals_ignoring_case(http::trim(line.substr(0, colon)), "content-disposition")) continue;
    const std::string_view value = line.substr(colon + 1);
    part.name = parameter(value, "name").value_or("");
    part.file = parameter(value, "filename").has_value();
  }
  return part;
}

class FormFields {
 public:
  explicit FormFields(MultipartFacts& facts) : facts_(facts) {}

  // False: the field came before.
  bool take(std::string_view name, std::string_view value) {
    if (name == "model") {
      facts_.model = value;
      return once(model_seen_);
    }
    if (name == "stream") {
      facts_.stream = http::equals_ignoring_case(value, "true") || value == "1";
      return once(stream_seen_);
    }
    if (name == "n") {
      std::from_chars(value.data(), value.data() + value.size(), facts_.choices);
      return once(n_seen_);
    }
    if (name == "user") {
      if (value.size() <= 512) facts_.user = value;
      return once(user_seen_);
    }
    if (name == "size" && value.size() <= 32) facts_.size = value;
    if (name == "quality" && value.size() <= 32) facts_.quality = value;
    return true;
  }

 private:
  static bool once(bool& seen) {
    const bool first = !seen;
    seen = true;
    return first;
  }

  MultipartFacts& facts_;
  bool model_seen_ = false;
  bool stream_seen_ = false;
  bool n_seen_ = false;
  bool user_seen_ = false;
};

}  // namespace

std::optional<MultipartFacts> read_multipart(std::string_view content_type,
                                             std::string_view body) {
  constexpr std::string_view kType = "multipart/";
  content_type = http::trim(content_type);
  if (content_type.size() < kType.size() ||
      !http::equals_ignoring_case(content_type.substr(0, kType.size()), kType)) {
    return std::nullopt;
  }
  // RFC 2046 section 5.1.1: the boundary has 1 to 70 characters.
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  const std::string delimiter = "\r\n--" + *boundary;

  MultipartFacts facts;
  FormFields fields(facts);
  // The first delimiter may stand at the very beginning, without a line end before it.
  std::size_t at = 0;
  if (body.starts_with(std::string_view(delimiter).substr(2))) {
    at = delimiter.size() - 2;
  } else {
    at = body.find(delimiter);
    if (at == body.npos) return std::nullopt;
    at += delimiter.size();
  }
  while (true) {
    // Behind a delimiter: "--" closes the form; blanks and a line end begin a part.
    if (body.substr(at).starts_with("--")) return facts;
    at = body.find("\r\n", at);
    if (at == body.npos) return std::nullopt;
    // The head ends with an empty line; it may itself be empty.
    const std::size_t blank = body.substr(at, kMaxPartHead).find("\r\n\r\n");
    if (blank == body.npos) return std::nullopt;
    const std::size_t value_at = at + blank + 4;
    const std::size_t end = body.find(delimiter, value_at - 2);
    if (end == body.npos) return std::nullopt;
    const PartHead head = read_head(body.substr(at, blank));
    const std::string_view value =
        end < value_at ? std::string_view() : body.substr(value_at, end - value_at);
    if (!head.file && value.size() <= kMaxField && !fields.take(head.name, value)) {
      return std::nullopt;
    }
    at = end + delimiter.size();
  }
}

}  // namespace farebox
