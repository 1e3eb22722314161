// DescribedDialect: an API that farebox doesn't know, as an operator describes it under
// `dialects`: which paths it has, and where in its bodies the things stand that metering
// needs. A plain value; proxy/dialect/described.hpp makes a dialect of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/dialect_name.hpp"
#include "config/json_pointer.hpp"

namespace farebox {

// What records and metrics may call a path of such a dialect, in farebox's own words. The
// last three are never billed.
inline constexpr std::array<std::string_view, 19> kDescribedEndpoints = {
    "chat", "chat.completions", "completions", "responses", "messages", "generate", "predict",
    "embeddings", "embed", "rerank", "classify", "images", "ocr", "audio.transcriptions",
    "audio.translations", "audio.speech", "count_tokens", "moderations", "passthrough",
};

struct DescribedDialect {
  bool operator==(const DescribedDialect&) const = default;

  // When does a request to a path ask for a stream?
  enum class Streams : std::uint8_t { asked, always, never };

  struct Path {
    bool operator==(const Path&) const = default;
    std::string path;                    // "/v9/talk"; one part may be {model}
    std::string method = "POST";
    std::string endpoint = "described";  // what records and metrics call it
    Streams streams = Streams::asked;    // asked: as request.stream says
  };

  // What a member of a body says.
  enum class Says : std::uint8_t {
    // Of a request.
    model, stream, max_output_tokens,
    // Of a reply; model as well. Counts first: see is_count.
    input_tokens, output_tokens, total_tokens, cached_input_tokens, cache_write_tokens,
    cache_write_1h_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
    image_input_tokens, image_output_tokens, images, characters, queries, pages,
    seconds,        // of audio, as billed
    cost_usd,       // what the provider says it charges
    finish_reason, service_tier, text, error, error_code,
    stream_end,     // compared with end_equals
  };
  static constexpr bool is_count(Says what) {
    return what >= Says::input_tokens && what <= Says::pages;
  }

  struct Member {
    bool operator==(const Member&) const = default;
    Says what;
    JsonPointer at;
  };

  enum class Framing : std::uint8_t { automatic, sse, ndjson };
  // How the numbers of a stream's messages make one.
  enum class Across : std::uint8_t { last, sum, max };

  std::string name;
  DialectName base = DialectName::openai;  // errors, and what isn't said here
  std::vector<Path> paths;
  std::string credential_header;  // lower case; empty: as the base has it
  std::string credential_scheme;  // with the blank behind it, or empty
  std::vector<Member> request, reply;
  bool cached_in_input = true;       // input_tokens counts the cached ones too
  bool cache_write_in_input = true;
  bool reasoning_in_output = true;
  Framing framing = Framing::automatic;
  std::string end_data;    // the data of a stream's last event, when it is no JSON
  std::string end_equals;  // what stands at the stream_end pointer of its last message
  Across across = Across::last;
};

}  // namespace farebox
