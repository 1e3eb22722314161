// RequestPath: the segments of a request path, as a provider's router will see them.
//
// Only for recognising: what goes upstream is the path as it came. Doubled slashes, dot
// segments (RFC 3986 section 5.2.4), percent-encoding and the query are taken out, so that
// spelling a path differently doesn't make it unknown.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farebox {

class RequestPath {
 public:
  static constexpr std::size_t kMaxSegments = 64;  // beyond it nothing is recognised

  explicit RequestPath(std::string_view path);

  std::span<const std::string> segments() const { return segments_; }

 private:
  std::vector<std::string> segments_;
};

// All comparisons ignore the case of ASCII letters: Azure's gateway doesn't tell them apart,
// and the others answer 404 to what is misspelt.

// Do the segments begin with / consist of exactly these, written "chat/completions"?
bool begins_with(std::span<const std::string> segments, std::string_view pattern);
bool matches(std::span<const std::string> segments, std::string_view pattern);

// "v1", "v1beta", "v4" ...: an API version.
bool is_version(std::string_view segment);

}  // namespace farebox
