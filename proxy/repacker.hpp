// Repacker: takes an answer's content apart as it arrives and puts it together for the
// client, piece by piece.
//
// A plain object without I/O. Where framing and content stay the same the octets pass
// where they lie; else they are written afresh into scratch. The provider's chunks keep
// their bounds unless the usage chunk is filtered out. Used by one thread.
#pragma once

#include <boost/asio/buffer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/usage_filter.hpp"
#include "proxy/headers.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/metering.hpp"

namespace farebox {

// How the content goes out, given how it came and who reads it. `rewritten`: its length
// may change on the way.
OutgoingFraming choose_framing(const http::ResponseHead& head, int client_minor, bool rewritten);

class Repacker {
 public:
  // `filter` takes out the usage chunk that our own splice caused.
  Repacker(const http::ResponseHead& head, OutgoingFraming out, bool filter);

  enum class State : std::uint8_t {
    open,    // more is to come
    whole,   // the content is complete
    broken,  // its framing is wrong
  };
  using Pieces = std::vector<boost::asio::const_buffer>;

  // Consumes `input` from its front, shows the content to `meter`, and appends to
  // `pieces` what goes out. They point into the input or into this object, until the
  // next call.
  State take(std::string_view& input, Metering& meter, Pieces& pieces);

  // The provider closed cleanly and everything received was taken.
  State at_close(Pieces& pieces);

  // JSON shows itself by its first octet, whatever content-type says. True while none came.
  bool may_be_json() const { return first_ == 0 || first_ == '{' || first_ == '['; }

  // Nothing of the client's framing is open.
  bool between_chunks() const { return !inside_chunk_; }
  // An event of our own could follow without breaking what was sent before.
  bool at_event_end() const;

  std::uint64_t octets() const { return reader_.octets(); }  // of content so far

 private:
  void note(std::string_view content);
  void write_step(const http::BodyReader::Step& step);
  void append_filtered();
  void close_content();
  void append_size(std::uint64_t size);

  http::BodyReader reader_;
  const http::Framing in_;
  const http::Framing out_;
  std::optional<UsageFilter> filter_;
  bool raw_;                   // octets pass where they lie
  bool inside_chunk_ = false;  // of what was passed raw
  char first_ = 0;             // first octet of content that isn't blank
  std::string scratch_;
  std::string filtered_;
  std::string last_data_;      // the end of the content so far
};

}  // namespace farebox
