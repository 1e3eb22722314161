// The text of a part of Settings: every member of every struct, in order, so that equal parts
// have equal texts and others other ones. For digests (config/changes.hpp), not for people.
//
// Members are found by Boost.PFR, so that none can be forgotten. Of a secret there are two
// octets of a salted digest: enough to see that it was changed, too little to find it.
#pragma once

#include <boost/pfr.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/base/digest.hpp"
#include "config/base/money.hpp"
#include "config/base/secret.hpp"
#include "config/proxy_address.hpp"

namespace farebox {

class SettingsText {
 public:
  explicit SettingsText(std::string_view salt) : salt_(salt) {}

  void add(const std::string& text) {
    out_ += std::to_string(text.size()) + ':' + text;
  }
  void add(const Secret& secret) {
    const Digest digest = sha256(std::string(salt_) + std::string(secret.reveal()));
    add(secret.empty() ? std::string() : digest_text(digest).substr(0, kSecretText));
  }
  void add(const Money& money) { add(money.decimal()); }
  // Who said it doesn't matter.
  void add(const ProxyAddress& proxy) {
    add(shown(proxy));
    add(proxy.tls);
    add(proxy.authorization);
  }

  template <class Rep, class Period>
  void add(const std::chrono::duration<Rep, Period>& span) {
    add(span.count());
  }
  template <class Clock, class Span>
  void add(const std::chrono::time_point<Clock, Span>& time) {
    add(time.time_since_epoch());
  }
  template <class Value>
  void add(const std::optional<Value>& value) {
    add(value.has_value());
    if (value) add(*value);
  }
  template <class Value>
  void add(const std::vector<Value>& values) {
    add(values.size());
    for (const Value& value : values) add(value);
  }
  template <class Value>
  void add(const std::map<std::string, Value>& values) {
    add(values.size());
    for (const auto& [name, value] : values) {
      add(name);
      add(value);
    }
  }
  template <class Value>
  void add(const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
      add(static_cast<std::underlying_type_t<Value>>(value));
    } else if constexpr (std::is_arithmetic_v<Value>) {
      add(std::to_string(value));
    } else {
      boost::pfr::for_each_field(value, [this](const auto& member) { add(member); });
    }
  }

  const std::string& text() const { return out_; }

 private:
  static constexpr std::size_t kSecretText = 7 + 4;  // "sha256:" and two octets

  const std::string_view salt_;
  std::string out_;
};

}  // namespace farebox
