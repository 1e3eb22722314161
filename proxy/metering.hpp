// Metering: the side of a relay that counts. It is shown the content of an answer as
// it passes and says at the end what was used.
//
// A compressed answer is decoded on the side, within limits; what can't be decoded
// is not counted, and the usage is then estimated. Used by one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/dialect/body_decoder.hpp"
#include "proxy/dialect/stream_end.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

class Metering {
 public:
  // `reader` may be null: then nothing is counted and everything costs nothing.
  Metering(std::unique_ptr<UsageReader> reader, const http::ResponseHead& answer);

  bool counts() const { return reader_ != nullptr; }
  // The content is compressed, so octets of ours can't be mixed into it.
  bool encoded() const { return encoded_; }
  void feed(std::string_view content);
  // May the answer end here, as far as it was understood?
  bool whole() const;
  Reading finish();

  // What was read so far; null: nobody knows before the end.
  const Reading* so_far() const { return reader_ ? reader_->so_far() : nullptr; }
  // From here on `end` sees the content as well; it outlives this, or null.
  void watch(StreamEnd* end) { end_ = end; }

 private:
  void show(std::string_view content) {
    reader_->feed(content);
    if (end_ != nullptr) end_->feed(content);
  }

  std::unique_ptr<UsageReader> reader_;
  std::unique_ptr<BodyDecoder> decoder_;
  StreamEnd* end_ = nullptr;
  bool encoded_ = false;
};

}  // namespace farebox
