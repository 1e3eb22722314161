#include "proxy/output_watch.hpp"

#include "policy/tokens/json_text.hpp"

namespace farebox {

Tokens OutputWatch::seen(const Reading& reading) {
  const std::uint64_t more = reading.output_bytes - octets_;
  octets_ = reading.output_bytes;
  if (!stream_) return octets_;
  // The reading keeps no more than so much; long before that, octets are good enough.
  constexpr std::size_t kEnough = KeptText::kMost / 2;
  const std::string_view kept = reading.output_text.view();
  if (!reading.output_text.cut() && kept.size() <= kEnough) {
    feed_json_string(*stream_, kept.substr(fed_));
    fed_ = kept.size();
  } else {
    uncounted_ += more;
  }
  return stream_->tokens() + uncounted_;
}

}  // namespace farebox
