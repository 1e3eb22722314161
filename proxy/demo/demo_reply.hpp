// DemoReply: what the pretend provider answers, in the shape of each dialect. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "proxy/demo/demo_call.hpp"
#include "proxy/demo/demo_form.hpp"

namespace farebox {

struct DemoReply {
  int status = 200;
  std::string_view content_type = "application/json";
  // One piece is a whole answer; of a stream each goes out by itself, a little later than
  // the one before, so that one sees it stream.
  std::vector<std::string> pieces;
  bool stream = false;
};

// The words of an answer, each with the blank before it, as far as max tokens allow.
struct DemoSpeech {
  std::vector<std::string_view> words;
  bool cut = false;  // max tokens ended it

  std::string text() const;
  std::uint64_t tokens() const { return tokens_of_words(words.size()); }
};
DemoSpeech speech_for(const DemoCall& call);

// What all answers share: $id, $created, $model, $input, $output, $total, $text.
DemoForm form_for(const DemoCall& call, const DemoSpeech& speech, WallTime now);

// The answer to any request; never fails.
DemoReply reply_to(const DemoCall& call, WallTime now);

// One dialect each; `reply_to` has seen that the call is theirs and can be read.
DemoReply openai_reply(const DemoCall& call, WallTime now);
DemoReply anthropic_reply(const DemoCall& call, WallTime now);
DemoReply gemini_reply(const DemoCall& call, WallTime now);

}  // namespace farebox
