// RealtimeReader: watches the messages of a realtime session from the side and says what
// each response of it used.
//
// Two protocols: OpenAI's Realtime API (openai-python types/realtime; Azure and xAI speak it
// too) and Gemini's Live API (python-genai live.py, types.py UsageMetadata), where a turn is
// the response. A session is a WebSocket; whoever carries it shows every message here, with
// the fragments of one put together, and pops what was finished. Gemini sends its JSON in
// binary messages too. A message that isn't JSON teaches nothing.
//
//   reader.take(Direction::received, message);
//   while (reader.next(unit)) settle(unit);
//
// Each unit is billed by itself: a later response reads the whole conversation again, and
// its usage says so; the provider never adds responses up, and neither may anybody else.
// Plain object without I/O, used by one thread; memory is bounded as long as units are
// popped.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

enum class RealtimeProtocol : std::uint8_t { openai, gemini };

// Something that is billed by itself.
struct RealtimeUnit {
  enum class Kind : std::uint8_t {
    response,       // of the session's model
    transcription,  // of what the user said, by a model of its own, by tokens or by time
  };
  Kind kind = Kind::response;
  // Its usage is `none` where the provider didn't say: an interrupted response on Azure, or
  // one that the session's end cut. Then output_bytes bounds the text that was seen and
  // audio_octets the sound. finish_reason is the response's status, where there is one.
  Reading reading;
  std::uint64_t audio_octets = 0;  // of decoded audio in the answer
};

// The sums over all units of a session that reported tokens.
struct RealtimeTotals {
  std::uint64_t responses = 0;       // finished or cut
  std::uint64_t unsaid = 0;          // of them without usage
  std::uint64_t transcriptions = 0;
  Tokens input = 0, output = 0;      // of the responses
};

class RealtimeReader {
 public:
  enum class Direction : std::uint8_t { sent, received };  // by the client, by the provider

  // `model` is the one the URL names, or empty (Gemini's first message names it).
  RealtimeReader(RealtimeProtocol protocol, std::string model)
      : protocol_(protocol), model_(std::move(model)) {}

  void take(Direction direction, std::string_view message);

  // The session ended: responses that were under way become units without usage.
  void finish();

  // Pops the unit that was finished first; false: there is none.
  bool next(RealtimeUnit& unit);

  // As the provider names it, else as the client asked for it.
  const std::string& model() const { return model_; }
  const RealtimeTotals& totals() const { return totals_; }
  // Of the last `error` message that the provider sent; the session goes on behind it.
  const std::string& last_error() const { return last_error_; }

 private:
  // A response that was begun and isn't finished; OpenAI may run several at once.
  struct Open {
    bool used = false;
    std::size_t id = 0;  // hash of the response's id
    RealtimeUnit unit;
  };

  void take_openai(Direction direction, JsonCursor cursor, std::string_view type);
  void read_session(Direction direction, JsonCursor& cursor);
  void read_transcription_model(JsonCursor& cursor);
  void read_delta(JsonCursor cursor, bool is_audio);
  void read_response_done(JsonCursor cursor);
  void read_transcription(JsonCursor cursor);
  void read_error(JsonCursor cursor);
  Open* find_open(std::size_t id);
  void begin_response(std::size_t id);

  void take_gemini(Direction direction, JsonCursor cursor);
  void read_server_content(JsonCursor& cursor);
  void end_turn();

  void emit(RealtimeUnit unit);

  RealtimeProtocol protocol_;
  std::string model_;
  std::string transcription_model_;
  std::string last_error_;
  bool model_told_ = false;          // by the provider
  std::array<Open, 8> open_;
  std::deque<RealtimeUnit> finished_;
  RealtimeTotals totals_;

  RealtimeUnit turn_;                // Gemini: the turn at hand
  bool turn_has_content_ = false;
  bool turn_complete_ = false;       // and its usage may come behind its end
};

}  // namespace farebox
