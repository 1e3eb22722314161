// Replies of Vertex AI's :predict (cloud.google.com/vertex-ai/generative-ai/docs/model-reference:
// text-embeddings-api, imagen-api): embeddings with a count for each text, images without.
#include <optional>

#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class PredictReader final : public FramedReader {
 private:
  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_prediction(JsonCursor& cursor);
  void read_metadata(JsonCursor& cursor);
  void add(JsonCursor& cursor, std::optional<Tokens>& into);

  std::optional<Tokens> input_, output_;
  std::optional<std::uint64_t> characters_;
  bool unusable_ = false;  // a count was said, but is none
};

bool PredictReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  cursor.each_member([&](std::string_view key) {
    if (key == "predictions") {
      cursor.each_element([&] { read_prediction(cursor); });
    } else if (key == "metadata") {
      read_metadata(cursor);
    } else if (key == "error") {
      read_error_member(cursor, reading_);
    }
  });
  return cursor.at_end();
}

void PredictReader::read_prediction(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "embeddings") {
      cursor.each_member([&](std::string_view inner) {
        if (inner != "statistics") return;
        cursor.each_member([&](std::string_view fact) {
          if (fact == "token_count" || fact == "tokenCount") add(cursor, input_);
        });
      });
    } else if (key == "bytesBase64Encoded" || key == "gcsUri") {
      // An image; one that a filter held back has a reason in its place, and is free.
      if (cursor.kind() == JsonCursor::Kind::string) ++reading_.usage.images;
    }
  });
}

void PredictReader::read_metadata(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "billableCharacterCount") {
      characters_ = cursor.count();
    } else if (key == "tokenMetadata") {  // the text models of old
      cursor.each_member([&](std::string_view side) {
        const bool in = side == "inputTokenCount";
        if (!in && side != "outputTokenCount") return;
        cursor.each_member([&](std::string_view fact) {
          if (fact == "totalTokens") add(cursor, in ? input_ : output_);
        });
      });
    }
  });
}

void PredictReader::add(JsonCursor& cursor, std::optional<Tokens>& into) {
  const auto count = cursor.count();
  if (count) into = into.value_or(0) + *count;
  else unusable_ = true;
}

void PredictReader::conclude() {
  Usage& usage = reading_.usage;
  if (input_ && !unusable_) {
    usage.input = *input_;
    usage.output = output_.value_or(0);
    usage.source = UsageSource::reported;
  }
  if (characters_) {
    usage.characters = *characters_;
    usage.source = UsageSource::reported;
  }
  if (usage.images > 0) usage.source = UsageSource::reported;
}

}  // namespace

std::unique_ptr<UsageReader> predict_reader() { return std::make_unique<PredictReader>(); }

}  // namespace farebox
