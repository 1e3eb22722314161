// UsageReader: watches a reply from the side and says at the end what it used.
//
// It is fed copies of the body's octets in pieces of any size (after decompression,
// see proxy/dialect/body_decoder.hpp) and can neither delay, change nor fail the
// stream: malformed input makes it stop learning, never throw. Memory is bounded.
// Whether the body is JSON, SSE, NDJSON or a JSON array is found from its first
// octets, not from content-type (design 1.8). Used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/kept_text.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

// How the answer ended, in the dialect's own terms.
struct Reading {
  Usage usage;                // source: reported, or none when no usage came
  std::string model;          // named by the reply; empty: not named
  std::string finish_reason;  // the provider's word, first choice
  std::uint64_t tool_calls = 0;   // calls the client has to run
  std::uint64_t output_bytes = 0; // octets of generated text seen: the bound when usage never comes
  KeptText output_text;           // that text as JSON strings have it, to be counted
  std::uint64_t unkept_bytes = 0; // octets of it for which there was no room
  bool stream = false;        // the reply was a stream
  bool finished = false;      // the dialect's own end was seen ([DONE], message_stop, whole JSON)
  bool error = false;         // an error object, as the body or inside the stream
  std::string error_code;     // its type or code, for the log

  // More of the generated text.
  void add_output(const JsonString& text) {
    output_bytes += text.decoded_size();
    output_text.append(text.raw);
    if (output_text.cut()) unkept_bytes += text.decoded_size();
  }
};

class UsageReader {
 public:
  virtual ~UsageReader() = default;

  // The reply's head, before any of its body; its views are valid during the call only.
  // Some providers report usage there and nowhere else (Bedrock, Text Generation Inference).
  virtual void head(const http::ResponseHead&) {}

  virtual void feed(std::string_view piece) = 0;

  // May the body end here, as far as it was understood? For bodies whose end nothing else
  // tells (RFC 9112, 8): a JSON value is open, or a stream's last event hasn't come.
  virtual bool whole() const = 0;

  // What was read so far, for those who watch a stream; null: known at the end only.
  virtual const Reading* so_far() const { return nullptr; }

  // The body ended, wholly or cut; call once. Later feeds are ignored.
  virtual Reading finish() = 0;
};

}  // namespace farebox
