#include "proxy/presented_key.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/http/text.hpp"

namespace farebox {
namespace {

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
  switch (name.size()) {
    case 7: return http::equals_ignoring_case(name, "api-key");
    case 9: return http::equals_ignoring_case(name, "x-api-key");
    case 13: return http::equals_ignoring_case(name, "authorization");
    case 14: return http::equals_ignoring_case(name, "x-goog-api-key");
    default: return false;
  }
}

// base64url, by table: the keys of all calls are looked at.
constexpr auto kKeyOctets = [] {
  std::array<bool, 256> all{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_")) {
    all[static_cast<unsigned char>(c)] = true;
  }
  return all;
}();

bool is_key_octet(char c) { return kKeyOctets[static_cast<unsigned char>(c)]; }

// RFC 7235, 2.1: what a credential is written in.
bool is_token68(char c) {
  return is_key_octet(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

constexpr std::string_view kPrefix = "fb-";
constexpr std::size_t kKeySize = 46;

// Does a word of it begin as our keys do?
bool begins_a_key(std::string_view credential) {
  std::size_t at = credential.find(kPrefix);
  while (at != std::string_view::npos) {
    if (at == 0 || !is_token68(credential[at - 1])) return true;
    at = credential.find(kPrefix, at + 1);
  }
  return false;
}

void take(PresentedKey& found, std::string_view key) {
  found.unclear |= !found.text.empty() && found.text != key;
  found.presented = true;
  found.text = key;
}

// What stands where a credential belongs; `key` is what was made out in it.
void take_credential(PresentedKey& found, std::string_view value, std::string_view key) {
  if (!key.empty() && !begins_a_key(value.substr(0, value.size() - key.size()))) {
    take(found, key);
  } else if (begins_a_key(value)) {
    found.presented = found.unclear = true;
  } else {
    found.provider_key |= !value.empty();
  }
}

// "key", "api_key", "API-Key", "access_token": what APIs call the parameter of a credential.
bool names_a_credential(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '-' && c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return plain == "key" || plain == "apikey" || plain == "accesstoken";
}

struct Parameter {
  std::string_view pair;  // as it came
  std::string name, value;
};

// Calls `visit(const Parameter&)` for each of the query.
template <class Visit>
void each_parameter(std::string_view target, Visit&& visit) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::size_t begin = at + 1;
    at = target.find('&', begin);
    Parameter parameter;
    parameter.pair = target.substr(begin, at == std::string_view::npos ? at : at - begin);
    const std::size_t equals = parameter.pair.find('=');
    parameter.name = percent_decoded(parameter.pair.substr(0, equals));
    if (equals != std::string_view::npos) {
      parameter.value = percent_decoded(parameter.pair.substr(equals + 1));
    }
    visit(std::as_const(parameter));
  }
}

// Gemini and some gateways take keys in the query.
void look_at_query(std::string_view target, PresentedKey& found) {
  each_parameter(target, [&](const Parameter& parameter) {
    if (!names_a_credential(parameter.name)) return;
    if (!looks_like_virtual_key(parameter.value)) {
      take_credential(found, parameter.value, {});
    } else if (found.decoded.empty()) {
      found.decoded = parameter.value;
    } else if (found.decoded != parameter.value) {
      found.presented = found.unclear = true;
    }
  });
  if (!found.decoded.empty()) take(found, found.decoded);
}

// user:password, of which one may be a key.
bool holds_key_encoded(std::string_view value) {
  constexpr std::string_view kBasic = "basic ";
  if (value.size() < kBasic.size() ||
      !http::equals_ignoring_case(value.substr(0, kBasic.size()), kBasic)) {
    return false;
  }
  std::string text(http::trim(value.substr(kBasic.size())));
  while (text.size() % 4 != 0) text += '=';
  std::string decoded(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size <= 0) return false;
  decoded.resize(static_cast<std::size_t>(size));
  return decoded.find(kPrefix) != std::string::npos && !virtual_key_within(decoded).empty();
}

bool goes_into_the_record(std::string_view name) {
  for (const std::string_view prefix : {"x-farebox-", "x-litellm-", "x-portkey-", "helicone-"}) {
    if (name.size() > prefix.size() &&
        http::equals_ignoring_case(name.substr(0, prefix.size()), prefix)) {
      return true;
    }
  }
  return false;
}

// The key that names the caller may stand in a field again: that field doesn't pass.
bool is_stray(const http::Field& field, const PresentedKey& found) {
  if (carries_credential(field.name)) return holds_key_encoded(field.value);
  if (http::equals_ignoring_case(field.name, "x-farebox-key")) return false;
  const std::string_view key = virtual_key_within(field.value);
  if (key.empty()) return false;
  return key != found.text || goes_into_the_record(field.name);
}

void look_for_strays(const http::RequestHead& head, const Credential& own, PresentedKey& found) {
  for (const http::Field& field : head.fields) {
    const bool is_own = !own.header.empty() && http::equals_ignoring_case(field.name, own.header);
    if (!is_own && is_stray(field, found)) found.stray = field.name;
  }
  const std::size_t question = head.target.find('?');
  const std::string_view path = head.target.substr(0, question);
  const bool encoded = path.find('%') != std::string_view::npos;
  if (!virtual_key_within(encoded ? percent_decoded(path) : std::string(path)).empty()) {
    found.stray = "the URL";
  }
  each_parameter(head.target, [&](const Parameter& parameter) {
    const bool in_name = !virtual_key_within(parameter.name).empty();
    const std::string_view key = virtual_key_within(parameter.value);
    if (in_name || (!key.empty() && key != found.text)) found.stray = "the URL";
  });
}

}  // namespace

PresentedKey find_presented_key(const http::RequestHead& head, const Dialect* described,
                                KeySearch search) {
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
    take_credential(found, field.value, key);
  }
  if (head.target.find('?') != std::string_view::npos) look_at_query(head.target, found);
  if (search == KeySearch::everywhere) look_for_strays(head, own, found);
  found.presented |= !found.stray.empty();
  return found;
}

std::string_view virtual_key_in(std::string_view value) {
  const std::size_t blank = value.find_last_of(" \t");
  const std::string_view last = blank == std::string_view::npos ? value : value.substr(blank + 1);
  return looks_like_virtual_key(last) ? last : std::string_view();
}

bool looks_like_virtual_key(std::string_view text) {
  return text.size() == kKeySize && text.starts_with(kPrefix) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_key_octet(c); });
}

std::string_view virtual_key_within(std::string_view text) {
  std::size_t at = text.find(kPrefix);
  while (at != std::string_view::npos) {
    const std::string_view rest = text.substr(at);
    const bool begins = at == 0 || !is_key_octet(text[at - 1]);
    const bool ends = rest.size() <= kKeySize || !is_key_octet(rest[kKeySize]);
    const std::string_view key = rest.substr(0, kKeySize);
    if (begins && ends && looks_like_virtual_key(key)) return key;
    at = text.find(kPrefix, at + 1);
  }
  return {};
}

std::string_view query_parameter(std::string_view target, std::string_view name) {
  std::string_view found;
  each_parameter(target, [&](const Parameter& parameter) {
    const std::size_t equals = parameter.pair.find('=');
    if (!found.empty() || parameter.name != name || equals == std::string_view::npos) return;
    found = parameter.pair.substr(equals + 1);
  });
  return found;
}

namespace {

// Keeps the others octet by octet as they came.
template <class Goes>
void drop_parameters(std::string& target, Goes&& goes) {
  const std::size_t question = target.find('?');
  if (question == std::string::npos) return;
  std::string kept;
  bool dropped = false;
  each_parameter(target, [&](const Parameter& parameter) {
    if (goes(parameter)) {
      dropped = true;
      return;
    }
    kept += kept.empty() ? '?' : '&';
    kept += parameter.pair;
  });
  if (!dropped) return;
  target.resize(question);
  target += kept;
}

}  // namespace

void drop_query_parameter(std::string& target, std::string_view name) {
  drop_parameters(target, [&](const Parameter& parameter) { return parameter.name == name; });
}

bool may_hold_credential(std::string_view name) {
  static constexpr std::string_view kWords[] = {"key",       "token", "auth",    "secret", "cookie",
                                                "signature", "credential", "session", "password"};
  std::string small(name);
  for (char& c : small) c = http::lower(c);
  return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view word) {
    return small.find(word) != std::string::npos;
  });
}

void drop_credentials(std::string& target) {
  drop_parameters(target, [](const Parameter& parameter) {
    return may_hold_credential(parameter.name);
  });
}

void drop_virtual_keys(std::string& target) {
  drop_parameters(target, [](const Parameter& parameter) {
    return !virtual_key_within(parameter.value).empty();
  });
}

}  // namespace farebox
