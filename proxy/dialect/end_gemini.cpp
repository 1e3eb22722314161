// The end of Gemini's streams (python-genai: types.GenerateContentResponse): a last response with
// finishReason MAX_TOKENS for each open candidate, and the usage. There is no end mark.
#include <array>
#include <map>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_usage.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr auto kHead = std::to_array<std::string_view>({"modelVersion", "responseId"});
constexpr std::size_t kMostCandidates = 64;

class GeminiEnd final : public DialectEnd {
 public:
  void see(std::string_view, std::string_view data) override {
    JsonCursor cursor(data);
    see_object(cursor);
  }
  bool ended() const override { return failed_ || (!finished_.empty() && all_finished()); }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  void see_object(JsonCursor& cursor);
  void see_candidate(JsonCursor& cursor);
  bool all_finished() const {
    for (const auto& [index, finished] : finished_) {
      if (!finished) return false;
    }
    return true;
  }

  EventHead head_{kHead};
  std::map<std::uint64_t, bool> finished_;  // candidates by index
  bool wrapped_ = false;  // {"response": ...}: the Gemini CLI's server
  bool numbers_ = false;  // enum-encoding=int
  bool seen_ = false;
  bool failed_ = false;   // an error, or a prompt that was refused
};

void GeminiEnd::see_object(JsonCursor& cursor) {
  const bool is_object = cursor.each_member([&](std::string_view key) {
    if (key == "candidates") {
      cursor.each_element([&] { see_candidate(cursor); });
    } else if (key == "response") {
      wrapped_ = true;
      see_object(cursor);
    } else if (key == "error" || key == "promptFeedback") {
      failed_ = failed_ || (key == "error" && cursor.kind() == Kind::object);
      cursor.each_member([&](std::string_view inner) {
        if (inner == "blockReason") failed_ = true;
      });
    } else if (key == "usageMetadata") {
      cursor.each_member([&](std::string_view inner) {
        if (inner != "promptTokensDetails") return;
        cursor.each_element([&] {
          cursor.each_member([&](std::string_view word) {
            if (word == "modality" && cursor.kind() == Kind::number) numbers_ = true;
          });
        });
      });
    } else {
      head_.take(key, cursor);
    }
  });
  seen_ = seen_ || is_object;
}

void GeminiEnd::see_candidate(JsonCursor& cursor) {
  std::uint64_t index = 0;
  bool finished = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "index") {
      index = cursor.count().value_or(0);
    } else if (key == "finishReason") {
      finished = cursor.kind() == Kind::string || cursor.kind() == Kind::number;
    }
  });
  if (finished_.size() < kMostCandidates || finished_.contains(index)) {
    finished_[index] = finished_[index] || finished;
  }
}

bool GeminiEnd::write(const Usage& usage, EndEvents& out) const {
  if (!seen_ || finished_.size() == kMostCandidates) return false;
  std::string last;
  JsonWriter json(last);
  json.begin_object();
  if (wrapped_) json.key("response").begin_object();
  json.key("candidates").begin_array();
  const auto candidate = [&](std::uint64_t index) {
    json.begin_object().key("content").begin_object().key("parts").begin_array();
    json.begin_object().key("text").string("").end_object().end_array();
    json.key("role").string("model").end_object().key("finishReason");
    if (numbers_) json.number(std::uint64_t{2});  // python-genai: FinishReason
    else json.string("MAX_TOKENS");
    json.key("index").number(index).end_object();
  };
  for (const auto& [index, finished] : finished_) {
    if (!finished) candidate(index);
  }
  if (finished_.empty()) candidate(0);
  json.end_array();
  write_gemini_usage(json.key("usageMetadata"), usage);
  head_.write(json);
  if (wrapped_) json.end_object();
  json.end_object();
  out.push_back({{}, std::move(last)});
  return true;
}

}  // namespace

std::unique_ptr<DialectEnd> gemini_end() { return std::make_unique<GeminiEnd>(); }

}  // namespace farebox
