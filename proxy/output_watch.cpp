#include "proxy/output_watch.hpp"

#include "policy/tokens/json_text.hpp"

namespace farebox {

Tokens OutputWatch::seen(const Reading& reading) {
  const std::uint64_t more = reading.output_bytes - octets_;
  octets_ = reading.output_bytes;
  if (!stream_) return octets_;
  // The reading keeps no more than kMostText; long before that, octets are good enough.
  constexpr std::size_t kEnough = Reading::kMostText / 2;
  const std::size_t kept = reading.output_text.size();
  if (kept <= kEnough) {
    feed_json_string(*stream_, std::string_view(reading.output_text).substr(fed_));
    fed_ = kept;
  } else {
    uncounted_ += more;
  }
  return stream_->tokens() + uncounted_;
}

}  // namespace farebox
