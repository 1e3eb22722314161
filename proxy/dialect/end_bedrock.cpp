// The ends of Bedrock's streams (botocore bedrock-runtime: ConverseStreamOutput): each open block
// is stopped, messageStop says max_tokens, metadata the usage. A model's own stream has
// Anthropic's events or, of Nova, the same as Converse, each as the one member of an object.
#include <set>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_usage.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMostOpen = 256;

class ConverseEnd final : public DialectEnd {
 public:
  // `nested`: an event is named by the one member of its object.
  explicit ConverseEnd(bool nested) : nested_(nested) {}

  void see(std::string_view name, std::string_view data) override {
    JsonCursor cursor(data);
    if (!nested_) return see_event(name, cursor);
    cursor.each_member([&](std::string_view key) { see_event(key, cursor); });
  }
  bool ended() const override { return failed_ || (stopped_ && told_); }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  void see_event(std::string_view name, JsonCursor& cursor);
  void add(std::string_view name, std::string json, EndEvents& out) const {
    if (nested_) json = "{\"" + std::string(name) + "\":" + json + "}";
    out.push_back({std::string(name), std::move(json)});
  }

  const bool nested_;
  std::set<std::uint64_t> open_;
  bool started_ = false;
  bool stopped_ = false;
  bool told_ = false;    // metadata
  bool failed_ = false;
};

// A block of text has no start: its first delta opens it.
void ConverseEnd::see_event(std::string_view name, JsonCursor& cursor) {
  std::uint64_t index = 0;
  const bool block = name == "contentBlockStart" || name == "contentBlockDelta" ||
                     name == "contentBlockStop";
  if (block) {
    cursor.each_member([&](std::string_view key) {
      if (key == "contentBlockIndex") index = cursor.count().value_or(0);
    });
  }
  started_ = started_ || block || name == "messageStart";
  if (name == "contentBlockStop") {
    open_.erase(index);
  } else if (block) {
    if (open_.size() < kMostOpen) open_.insert(index);
  } else if (name == "messageStop") {
    stopped_ = true;
  } else if (name == "metadata") {
    told_ = true;
  } else if (name.ends_with("Exception")) {
    failed_ = true;
  }
}

bool ConverseEnd::write(const Usage& usage, EndEvents& out) const {
  if (!started_ || open_.size() == kMostOpen) return false;
  for (const std::uint64_t index : open_) {
    add("contentBlockStop", R"({"contentBlockIndex":)" + std::to_string(index) + "}", out);
  }
  if (!stopped_) add("messageStop", R"({"stopReason":"max_tokens"})", out);
  if (told_) return true;
  std::string last;
  JsonWriter json(last);
  write_converse_usage(json.begin_object().key("usage"), usage);
  json.key("metrics").begin_object().key("latencyMs").number(std::uint64_t{0}).end_object();
  json.end_object();
  add("metadata", std::move(last), out);
  return true;
}

// Of InvokeModelWithResponseStream: the first event tells whose it is.
class InvokeEnd final : public DialectEnd {
 public:
  void see(std::string_view name, std::string_view data) override {
    if (!family_) choose(data);
    if (family_) family_->see(name, data);
  }
  bool ended() const override { return family_ && family_->ended(); }
  bool write(const Usage& usage, EndEvents& out) const override {
    return family_ && family_->write(usage, out);
  }

 private:
  void choose(std::string_view data) {
    JsonCursor cursor(data);
    cursor.each_member([&](std::string_view key) {
      if (key == "messageStart") {
        family_ = converse_nested();
      } else if (key == "type") {
        const auto type = cursor.string();
        if (type && (type->raw == "message_start" || type->raw == "completion")) {
          family_ = anthropic_end();
        }
      }
    });
  }
  static std::unique_ptr<DialectEnd> converse_nested() {
    return std::make_unique<ConverseEnd>(true);
  }

  std::unique_ptr<DialectEnd> family_;
};

}  // namespace

std::unique_ptr<DialectEnd> converse_end() { return std::make_unique<ConverseEnd>(false); }
std::unique_ptr<DialectEnd> bedrock_invoke_end() { return std::make_unique<InvokeEnd>(); }

}  // namespace farebox
