// How the mock is to answer one request, beyond what the path says. It is told
// by `x-mock-*` request headers (which a proxy passes on like any unknown
// field) or by a rule of the control port; both use the names below, headers
// with `-` for `_`. A header wins over a rule.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/mock/http_message.hpp"

namespace farebox::mock {

using Json = nlohmann::ordered_json;

// How a connection ends when it is told to end.
enum class Ending : std::uint8_t { fin, reset, hang };

// One step of a scripted answer; exactly one of them is set.
struct Step {
  std::optional<std::string> send;  // octets; base64 in JSON
  int sleep_ms = 0;
  bool close = false;
  bool reset = false;
};

struct Behaviour {
  // The answer's head.
  int status = 0;                // 0: what the reply has by itself
  std::string reason;            // reason phrase
  std::vector<Field> headers;    // added; x-mock-header: Name: value, repeatable
  std::string location;          // redirect: 307 with this location unless status says else
  std::vector<int> interim;      // 1xx heads before the final one

  // The answer's body.
  std::optional<std::string> body;         // instead of the dialect's reply
  std::optional<std::string> body_base64;  // the same, for any octets
  std::optional<std::uint64_t> body_size;  // the same, a counting pattern of this size
  std::optional<std::uint64_t> bomb_mib;   // the same, gzip that unpacks to so many zeros
  std::string content_type;
  bool echo = false;             // the request, as JSON
  std::string recording;         // id of a recorded exchange to replay
  std::string split;             // its pieces: event (default), byte, whole, or a size

  // Numbers of the dialect's reply.
  std::string model;                       // served model, if not the one asked for
  std::optional<std::uint64_t> input_tokens;
  std::optional<std::uint64_t> output_tokens;  // also the number of streamed deltas
  std::uint64_t cached_tokens = 0;
  std::uint64_t reasoning_tokens = 0;
  bool usage = true;             // false: no usage anywhere
  bool usage_always = false;     // OpenAI streams: the usage chunk even unasked
  int refuse_stream_options = 0; // 400 or 422 when the request has stream_options
  bool stamp = false;            // "t": CLOCK_MONOTONIC in every streamed event

  // Framing.
  std::string framing;           // chunked, length, close; empty: streams chunked, else length
  std::string encoding;          // gzip: compressed although nobody asked
  std::uint64_t chunk_size = 0;  // cut the body into pieces of this size
  std::uint64_t write_size = 0;  // octets per write: to send a chunk in several segments
  std::string raw;               // base64: these octets are the whole answer
  std::vector<Step> steps;       // scripted answer

  // Time, in milliseconds.
  int delay_head_ms = 0;
  int delay_body_ms = 0;         // after the head
  int delay_chunk_ms = 0;        // before every piece but the first
  int delay_end_ms = 0;          // before the end mark
  int read_pause_ms = 0;         // between reads of the request body

  // Endings.
  std::optional<std::uint64_t> cut_wire;    // after so many octets of the answer, head included
  std::optional<std::uint64_t> cut_bytes;   // after so many octets behind the head, framing included
  std::optional<std::uint64_t> cut_chunks;  // after so many pieces
  Ending cut = Ending::fin;                 // how
  bool connection_close = false;  // says `connection: close` and does it
  bool close_after = false;       // closes after the answer without saying so
  int close_after_ms = 0;         // and so many milliseconds after it
  std::string stale;              // fin or reset: the next request on this connection gets no answer
  int idle_close_ms = 0;          // closes when the next request doesn't come in time

  // Request content.
  std::string expect;             // continue (default), ignore (read on without a word), early
  bool early_answer = false;      // answers without reading the content, then closes
};

// Reads one object of the names above. Returns what is wrong, or nothing.
std::string read_behaviour(const Json& from, Behaviour& to);

// The x-mock-* fields of a request, as such an object.
Json behaviour_from_fields(const std::vector<Field>& fields);

}  // namespace farebox::mock
