// Replies of the text generation APIs that nobody else speaks: IBM watsonx
// (`results[]`, whole or as events), Hugging Face's Text Generation Inference
// (`generated_text`, `details`, or the headers x-prompt-tokens and x-generated-tokens), the
// llama.cpp server (`tokens_evaluated`, `tokens_predicted`), and the predictions of
// Replicate (`metrics`), which sells time.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

class GenerationReader final : public FramedReader {
 public:
  void head(const http::ResponseHead& head) override;

 private:
  // What one message says; watsonx can answer several inputs in one reply.
  struct Counts {
    std::optional<Tokens> input, output;
    bool unusable = false;
  };

  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_result(JsonCursor& cursor, Counts& counts);
  void read_details(JsonCursor& cursor, Counts& counts);
  void read_metrics(JsonCursor& cursor, Counts& counts);
  bool read_count(std::string_view key, JsonCursor& cursor, Counts& counts);
  void read_text(JsonCursor& cursor);
  void assign_reason(JsonCursor& cursor);

  std::optional<Tokens> input_, output_;
  std::optional<Tokens> head_input_, head_output_;
  std::optional<std::uint64_t> microseconds_;
  bool unusable_ = false;
};

std::optional<Tokens> whole_number(std::string_view text) {
  Tokens value = 0;
  const char* last = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), last, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != last || value > (1ull << 53)) {
    return std::nullopt;
  }
  return value;
}

void add(JsonCursor& cursor, std::optional<Tokens>& into, bool& unusable) {
  const bool said = cursor.kind() != Kind::null;
  const auto count = cursor.count();
  if (count) into = into.value_or(0) + *count;
  else if (said) unusable = true;
}

void GenerationReader::head(const http::ResponseHead& head) {
  head_input_ = whole_number(head.value("x-prompt-tokens"));
  head_output_ = whole_number(head.value("x-generated-tokens"));
}

bool GenerationReader::on_message(std::string_view event, std::string_view json) {
  JsonCursor cursor(json);
  Counts counts;
  cursor.each_member([&](std::string_view key) {
    if (key == "results" || key == "outputs") {
      cursor.each_element([&] { read_result(cursor, counts); });
    } else if (key == "details") {
      read_details(cursor, counts);
    } else if (key == "metrics") {
      read_metrics(cursor, counts);
    } else if (key == "token") {  // Text Generation Inference: of a stream
      cursor.each_member([&](std::string_view inner) {
        if (inner == "text") read_text(cursor);
      });
    } else if (key == "content") {  // llama.cpp
      read_text(cursor);
    } else if (key == "stop") {
      if (cursor.boolean().value_or(false)) reading_.finished = true;
    } else if (key == "stop_type" || key == "status") {
      assign_reason(cursor);
    } else if (key == "model" || key == "model_id") {
      const auto model = cursor.string();
      if (model && reading_.model.empty()) reading_.model = model->decoded();
    } else if (key == "error") {
      read_error_member(cursor, reading_);
    } else if (key == "errors") {
      reading_.error = reading_.error || cursor.kind() == Kind::array;
    } else {
      read_count(key, cursor, counts);
    }
  });
  if (!cursor.at_end()) return false;
  if (event == "error") reading_.error = true;
  // watsonx tells the input in the first event and 0 after it; the output grows.
  if (counts.input) input_ = std::max(input_.value_or(0), *counts.input);
  if (counts.output) output_ = std::max(output_.value_or(0), *counts.output);
  unusable_ = unusable_ || counts.unusable;
  return true;
}

bool GenerationReader::read_count(std::string_view key, JsonCursor& cursor, Counts& counts) {
  if (key == "input_token_count" || key == "tokens_evaluated" || key == "input_length") {
    add(cursor, counts.input, counts.unusable);
  } else if (key == "generated_token_count" || key == "tokens_predicted" ||
             key == "generated_tokens" || key == "output_token_count") {
    add(cursor, counts.output, counts.unusable);
  } else {
    return false;
  }
  return true;
}

void GenerationReader::read_result(JsonCursor& cursor, Counts& counts) {
  cursor.each_member([&](std::string_view key) {
    if (key == "generated_text") read_text(cursor);
    else if (key == "stop_reason") assign_reason(cursor);
    else read_count(key, cursor, counts);
  });
}

// Text Generation Inference lists the tokens of the prompt where it was asked for them.
void GenerationReader::read_details(JsonCursor& cursor, Counts& counts) {
  cursor.each_member([&](std::string_view key) {
    if (key == "finish_reason") {
      assign_reason(cursor);
    } else if (key == "prefill") {
      Tokens tokens = 0;
      cursor.each_element([&] { ++tokens; });
      if (tokens > 0) counts.input = tokens;
    } else {
      read_count(key, cursor, counts);
    }
  });
}

void GenerationReader::read_metrics(JsonCursor& cursor, Counts& counts) {
  cursor.each_member([&](std::string_view key) {
    if (key == "predict_time") {
      if (const auto seconds = cursor.number()) microseconds_ = microseconds_of(*seconds);
    } else {
      read_count(key, cursor, counts);
    }
  });
}

void GenerationReader::read_text(JsonCursor& cursor) {
  if (const auto text = cursor.string()) reading_.add_output(*text);
}

void GenerationReader::assign_reason(JsonCursor& cursor) {
  const auto reason = cursor.string();
  if (!reason || reason->raw.empty() || reason->raw == "not_finished") return;
  reading_.finish_reason = reason->decoded();
}

void GenerationReader::conclude() {
  if (reading_.stream) {
    reading_.finished = reading_.finished || !reading_.finish_reason.empty();
  }
  if (!input_) input_ = head_input_;
  if (!output_) output_ = head_output_;
  Usage& usage = reading_.usage;
  if (!unusable_ && input_ && output_) {
    usage.input = *input_;
    usage.output = *output_;
    usage.source = UsageSource::reported;
  }
  if (microseconds_) {
    usage.microseconds = *microseconds_;
    usage.source = UsageSource::reported;
  }
}

}  // namespace

std::unique_ptr<UsageReader> generation_reader() { return std::make_unique<GenerationReader>(); }

}  // namespace farebox
