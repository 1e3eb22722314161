// BodyReader: takes content apart as it arrives, for every way it can be framed.
//
// A plain object: give it what was received, get back what it means, in pieces that
// are never delayed and never joined. Chunked is read strictly (RFC 9112, 7.1):
// CRLF only, no blank around sizes, extensions and trailers bounded and dropped.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/head.hpp"

namespace farebox::http {

class BodyReader {
 public:
  enum class What : std::uint8_t {
    need_more,    // everything given was consumed, the content goes on
    chunk_begin,  // a chunk of `size` octets follows
    data,         // `data` is content
    chunk_end,    // the chunk is complete
    end,          // the content is complete; what is left belongs to the next message
    broken,       // the framing is wrong; nothing after it can be trusted
  };
  struct Step {
    What what = What::need_more;
    std::string_view data;
    std::uint64_t size = 0;
    // The octets consumed for this step mean one thing to every reader (no extension),
    // so they may be passed on as they stand.
    bool canonical = true;
  };

  BodyReader() : BodyReader(Framing::none, 0) {}
  BodyReader(Framing framing, std::uint64_t length);

  // Consumes from the front of `input` and says what that was.
  Step next(std::string_view& input);

  // The peer closed cleanly. True if the content is complete by that.
  bool complete_at_close();

  bool done() const { return state_ == State::done; }
  std::uint64_t octets() const { return octets_; }  // of content so far

 private:
  enum class State : std::uint8_t { length, until_close, size, data, data_end, trailer, done, broken };

  Step next_size(std::string_view& input);
  Step next_trailer(std::string_view& input);
  Step break_off();

  State state_;
  std::uint64_t left_ = 0;        // octets of this chunk or of the whole
  std::uint64_t octets_ = 0;
  std::uint32_t trailer_octets_ = 0;
  std::uint32_t extension_octets_ = 0;
};

// Writes "<size in hex>\r\n" into `out` and returns its length; `out` holds 20.
std::size_t write_chunk_size(std::uint64_t size, char* out);

}  // namespace farebox::http
