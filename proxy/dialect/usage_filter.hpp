// UsageFilter: takes out of a stream the one chunk that farebox caused by splicing
// `stream_options.include_usage` into the request, so that the client sees the stream it
// asked for. Used only on such streams.
//
// The chunk is an event whose `choices` is an empty array and whose `usage` is an object,
// and which is the last before [DONE] (openai-openapi, ChatCompletionStreamOptions).
// Azure's first chunk (empty choices, no usage) and every `usage: null` stay. All other
// octets pass as they came, in order; an event is held back only as long as it may still
// turn out to be that chunk, and never beyond kMaxHeld octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace farebox {

// Looks at a chunk's JSON as it arrives and says as soon as it can't be the usage chunk.
class UsageChunkProbe {
 public:
  // False: it isn't. True: it may be.
  bool feed(std::string_view octets);

 private:
  bool take_outside(char octet);

  enum class Expect : std::uint8_t {
    start,          // the opening brace
    key,            // a key of the top-level object
    colon,
    value,          // the first octet of a top-level value
    empty_choices,  // the bracket that closes `choices`
    rest,           // whatever else
  };

  std::string key_;
  std::size_t depth_ = 0;
  Expect expect_ = Expect::start;
  bool in_string_ = false;
  bool escape_ = false;
};

class UsageFilter {
 public:
  static constexpr std::size_t kMaxHeld = 64u << 10;

  // Appends to `out` what may go on to the client now.
  void feed(std::string_view piece, std::string& out);

  // The stream ended, wholly or cut: what is still held goes on, but for the usage chunk.
  void finish(std::string& out);

  // The chunk was taken out; from then on everything passes.
  bool removed() const { return removed_; }

 private:
  enum class Field : std::uint8_t { undecided, data, other };

  void take_passing(std::string_view line_part, bool complete);
  void judge(bool line_complete, std::string& out);
  bool judge_field(std::string_view line, bool line_complete, std::string& out);
  bool judge_data(std::string& out);
  void end_event(std::string& out);
  void release(std::string& out);
  void remove_candidate(std::string& out);
  void begin_event();
  bool holds_usage_chunk() const;

  std::string held_;
  std::size_t candidate_end_ = 0;  // > 0: held_ begins with a whole usage chunk that waits
                                   // to be followed by [DONE]
  std::size_t line_at_ = 0;        // where the line under way begins in held_
  std::size_t data_at_ = 0;        // where the event's data begins in held_; 0: none yet
  std::size_t data_end_ = 0;       // where its line ends; 0: not yet
  std::size_t probed_ = 0;         // up to where the probe has seen held_
  UsageChunkProbe probe_;
  Field field_ = Field::undecided;
  bool passing_ = false;       // the event goes on, up to its blank line
  bool passing_line_ = false;  // a comment goes on, up to the end of its line
  bool line_has_octets_ = false;  // while passing
  bool skip_lf_ = false;       // a CR ended the last line: an LF next belongs to it
  bool removed_ = false;
};

}  // namespace farebox
