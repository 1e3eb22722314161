#include "proxy/dialect/request_path.hpp"

#include <algorithm>

#include "proxy/http/head.hpp"

namespace farebox {
namespace {

char lower(char octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet - 'A' + 'a') : octet;
}

int hex_digit(char octet) {
  if (octet >= '0' && octet <= '9') return octet - '0';
  octet = lower(octet);
  return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  if (text.find('%') == text.npos) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i > 2) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high << 4 | low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

// How many segments the pattern has, if the segments begin with it; else 0.
std::size_t common_length(std::span<const std::string> segments, std::string_view pattern) {
  std::size_t used = 0;
  while (used < segments.size()) {
    const std::size_t slash = pattern.find('/');
    if (!http::equals_ignoring_case(segments[used], pattern.substr(0, slash))) return 0;
    ++used;
    if (slash == pattern.npos) return used;
    pattern.remove_prefix(slash + 1);
  }
  return 0;
}

}  // namespace

RequestPath::RequestPath(std::string_view path) {
  path = path.substr(0, std::min(path.find('?'), path.find('#')));
  segments_.reserve(4);  // "v1/chat/completions"
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    std::string segment = percent_decoded(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!segments_.empty()) segments_.pop_back();
      continue;
    }
    if (segments_.size() == kMaxSegments) {
      segments_.clear();
      return;
    }
    segments_.push_back(std::move(segment));
  }
}

bool begins_with(std::span<const std::string> segments, std::string_view pattern) {
  return common_length(segments, pattern) > 0;
}

bool matches(std::span<const std::string> segments, std::string_view pattern) {
  return !segments.empty() && common_length(segments, pattern) == segments.size();
}

bool is_version(std::string_view segment) {
  if (segment.size() < 2 || lower(segment[0]) != 'v') return false;
  segment.remove_prefix(1);
  const std::size_t digits = std::min(segment.find_first_not_of("0123456789"), segment.size());
  if (digits == 0) return false;
  segment.remove_prefix(digits);
  if (segment.empty()) return true;
  if (segment.size() > 1 && segment[0] == '-') segment.remove_prefix(1);  // watsonx: v1-beta
  for (const std::string_view stage : {"alpha", "beta"}) {
    if (segment.size() >= stage.size() &&
        http::equals_ignoring_case(segment.substr(0, stage.size()), stage)) {
      return segment.find_first_not_of("0123456789", stage.size()) == segment.npos;
    }
  }
  return false;
}

}  // namespace farebox
