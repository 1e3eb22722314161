// Replies of Ollama's own API (ollama: api/types.go, docs/api/streaming.mdx): chat and
// generate, one JSON object a line unless the call said `"stream": false`; embed.
#include <optional>

#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class OllamaReader final : public FramedReader {
 public:
  explicit OllamaReader(Endpoint endpoint) : endpoint_(endpoint) {}

 private:
  bool on_message(std::string_view event, std::string_view json) override;
  bool may_end() const override { return done_ || reading_.error || !generates(); }
  void conclude() override;

  void read_message(JsonCursor& cursor);
  void add_text(JsonCursor& cursor);
  bool generates() const {
    return endpoint_ == Endpoint::chat || endpoint_ == Endpoint::generate;
  }
  std::optional<std::uint64_t> take(JsonCursor& cursor);

  Endpoint endpoint_;
  std::optional<Tokens> input_, output_;
  bool unusable_ = false;  // a count was said, but is none
  bool done_ = false;      // the last line: `done: true`
};

bool OllamaReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  std::optional<Tokens> input, output;
  bool done = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "message") {
      read_message(cursor);
    } else if (key == "response" || key == "thinking") {
      add_text(cursor);
    } else if (key == "done") {
      done = cursor.boolean().value_or(false);
    } else if (key == "done_reason") {
      const auto reason = cursor.string();
      if (reason && !reason->raw.empty()) reading_.finish_reason = reason->decoded();
    } else if (key == "prompt_eval_count") {
      input = take(cursor);
    } else if (key == "eval_count") {
      output = take(cursor);
    } else if (key == "model") {
      const auto model = cursor.string();
      if (model && reading_.model.empty()) reading_.model = model->decoded();
    } else if (key == "error") {
      read_error_member(cursor, reading_);
    }
  });
  if (!cursor.at_end()) return false;
  if (input) input_ = input;
  if (output) output_ = output;
  done_ = done_ || done;
  return true;
}

std::optional<std::uint64_t> OllamaReader::take(JsonCursor& cursor) {
  const auto count = cursor.count();
  if (!count) unusable_ = true;
  return count;
}

void OllamaReader::read_message(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "content" || key == "thinking") {
      add_text(cursor);
    } else if (key == "tool_calls") {  // never in pieces
      cursor.each_element([&] { ++reading_.tool_calls; });
    }
  });
}

void OllamaReader::add_text(JsonCursor& cursor) {
  if (const auto text = cursor.string()) reading_.add_output(*text);
}

void OllamaReader::conclude() {
  if (generates()) {
    reading_.finished = reading_.finished && (done_ || reading_.error);
    // Counts that are 0 are left out (`omitempty`): a prompt that lay in the cache whole, an
    // answer of nothing. The line says `done` with one of them, or nobody counted.
    if (!done_ || unusable_ || (!input_ && !output_)) return;
  } else if (!input_ || unusable_) {
    return;
  }
  reading_.usage.input = input_.value_or(0);
  reading_.usage.output = output_.value_or(0);
  reading_.usage.source = UsageSource::reported;
}

}  // namespace

std::unique_ptr<UsageReader> ollama_reader(Endpoint endpoint) {
  return std::make_unique<OllamaReader>(endpoint);
}

}  // namespace farebox
