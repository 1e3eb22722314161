#include "proxy/presented_key.hpp"

#include "proxy/http/text.hpp"

namespace farebox {
namespace {

// Does `pair`, "name=value" or "name", carry that name? Percent-encoded octets are the
// octets they stand for (RFC 3986, 2.3); `value_at` is where the value begins.
bool is_named(std::string_view pair, std::string_view name, std::size_t& value_at) {
  std::size_t at = 0;
  for (const char wanted : name) {
    char octet = 0;
    if (at + 2 < pair.size() && pair[at] == '%' && http::hex_value(pair[at + 1]) >= 0 &&
        http::hex_value(pair[at + 2]) >= 0) {
      octet = static_cast<char>(http::hex_value(pair[at + 1]) * 16 + http::hex_value(pair[at + 2]));
      at += 3;
    } else if (at < pair.size()) {
      octet = pair[at++];
    } else {
      return false;
    }
    if (octet != wanted) return false;
  }
  value_at = at + 1;
  return at == pair.size() || pair[at] == '=';
}

// RFC 3986, 2.1; what is no encoding stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool encoded = text[i] == '%' && i + 2 < text.size() &&
                         http::hex_value(text[i + 1]) >= 0 && http::hex_value(text[i + 2]) >= 0;
    if (encoded) {
      out += static_cast<char>(http::hex_value(text[i + 1]) * 16 + http::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool carries_credential(std::string_view name) {
  for (const std::string_view each : {"authorization", "x-api-key", "api-key", "x-goog-api-key"}) {
    if (http::equals_ignoring_case(name, each)) return true;
  }
  return false;
}

void take(PresentedKey& found, std::string_view key) {
  found.unclear |= !found.text.empty() && found.text != key;
  found.presented = true;
  found.text = key;
}

}  // namespace

PresentedKey find_presented_key(const http::RequestHead& head, const Dialect* described) {
  PresentedKey found;
  const Credential own = described == nullptr ? Credential{} : described->credential();
  for (const http::Field& field : head.fields) {
    if (http::equals_ignoring_case(field.name, "x-farebox-key")) {
      found.beside = true;
      if (looks_like_virtual_key(field.value)) {
        take(found, field.value);
      } else {
        found.presented = found.unclear = true;
      }
      continue;
    }
    const bool is_own = !own.header.empty() && http::equals_ignoring_case(field.name, own.header);
    if (!is_own && !carries_credential(field.name)) continue;
    std::string_view key = virtual_key_in(field.value);
    const std::string_view scheme = http::trim(own.scheme);
    if (is_own && key.empty() && field.value.size() > scheme.size() &&
        http::equals_ignoring_case(field.value.substr(0, scheme.size()), scheme)) {
      key = virtual_key_in(http::trim(field.value.substr(scheme.size())));
    }
    if (key.empty()) {
      found.provider_key |= !field.value.empty();
    } else {
      take(found, key);
    }
  }
  if (head.target.find('?') == std::string_view::npos) return found;
  found.decoded = virtual_key_of_query(head.target);
  if (found.decoded.empty()) {
    found.provider_key |= !query_parameter(head.target, "key").empty();
  } else {
    take(found, found.decoded);
  }
  return found;
}

std::string_view virtual_key_in(std::string_view value) {
  const std::size_t blank = value.find_last_of(" \t");
  const std::string_view last = blank == std::string_view::npos ? value : value.substr(blank + 1);
  return looks_like_virtual_key(last) ? last : std::string_view();
}

bool looks_like_virtual_key(std::string_view text) {
  if (text.size() != 46 || !text.starts_with("fb-")) return false;
  for (const char c : text.substr(3)) {
    if (!http::is_alpha(c) && !http::is_digit(c) && c != '-' && c != '_') return false;
  }
  return true;
}

std::string_view query_parameter(std::string_view target, std::string_view name) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::size_t begin = at + 1;
    const std::size_t end = target.find('&', begin);
    const std::string_view pair =
        target.substr(begin, end == std::string_view::npos ? end : end - begin);
    std::size_t value_at = 0;
    if (is_named(pair, name, value_at) && value_at <= pair.size()) return pair.substr(value_at);
    at = end;
  }
  return {};
}

std::string virtual_key_of_query(std::string_view target) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::size_t begin = at + 1;
    at = target.find('&', begin);
    const std::string_view pair =
        target.substr(begin, at == std::string_view::npos ? at : at - begin);
    std::size_t value_at = 0;
    if (!is_named(pair, "key", value_at) || value_at > pair.size()) continue;
    std::string value = percent_decoded(pair.substr(value_at));
    if (looks_like_virtual_key(value)) return value;
  }
  return {};
}

bool query_holds_virtual_key(std::string_view target) {
  return !virtual_key_of_query(target).empty();
}

void drop_query_parameter(std::string& target, std::string_view name) {
  const std::size_t question = target.find('?');
  if (question == std::string::npos) return;
  std::string kept;
  bool dropped = false;
  std::string_view rest = std::string_view(target).substr(question + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    std::size_t value_at = 0;
    if (is_named(pair, name, value_at)) {
      dropped = true;
      continue;
    }
    kept += kept.empty() ? '?' : '&';
    kept += pair;
  }
  if (!dropped) return;  // octet by octet as it came
  target.resize(question);
  target += kept;
}

}  // namespace farebox
