// Secret: octets that may go to one provider's socket and nowhere else.
//
// It can't be streamed, formatted or turned into a string by accident; the storage is
// wiped when it dies. `reveal` is the one way out, so a reader can list every use by
// searching for that word. Two secrets are compared in a time that tells no more than
// their lengths.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>

namespace farebox {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) { wipe(text); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe(text_);
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(text_);
      text_ = std::move(other.text_);
      wipe(other.text_);
    }
    return *this;
  }
  ~Secret() { wipe(text_); }

  friend bool operator==(const Secret& a, const Secret& b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.text_.data(), b.text_.data(), a.size()) == 0;
  }

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  std::string_view reveal() const { return text_; }

 private:
  // All the room a string has, for a short one that was moved from looks empty and
  // still holds its octets.
  static void wipe(std::string& text) noexcept {
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
  }

  std::string text_;
};

}  // namespace farebox
