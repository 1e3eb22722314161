// Secret: octets that may go to one provider's socket and nowhere else.
//
// It can't be streamed, formatted, compared with == or turned into a string by
// accident; the storage is wiped when it dies. `reveal` is the one way out, so a
// reader can list every use by searching for that word.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>

namespace farebox {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  std::string_view reveal() const { return text_; }

 private:
  void wipe() {
    if (!text_.empty()) OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

}  // namespace farebox
