#include "storage/record_csv.hpp"

#include <fmt/format.h>

#include <array>

namespace farebox {
namespace {

// The order of append_csv's calls below, which is that of the JSON.
constexpr std::array kColumns{
    "id", "time", "requestId", "provider", "dialect", "endpoint", "model", "requestedModel",
    "keyName", "org", "project", "user", "tags", "stream", "status", "outcome",
    "inputTokens", "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens",
    "audioInputTokens", "audioOutputTokens", "imageInputTokens", "imageOutputTokens", "toolCalls",
    "units_seconds", "units_images", "units_characters", "units_queries", "extras",
    "costUsd", "priced", "priceVersion", "estimated", "overHold", "metered", "cache", "attempts",
    "ttfbMs", "latencyMs", "finishReason", "corrects", "reportedCostUsd", "tableCostUsd", "serviceTier",
    "variant", "savedUsd"};

// Fields of one line, counted, so that a line can't differ from the header.
class Line {
 public:
  explicit Line(std::string& out) : out_(out) {}
  ~Line() { CHECK(fields_ == kColumns.size()); }

  // RFC 4180, 2.5 to 2.7: what holds a quote, a comma or a line break stands in quotes,
  // and a quote in it is doubled.
  Line& text(std::string_view value) {
    separate();
    if (value.find_first_of("\",\r\n") == std::string_view::npos) {
      out_ += value;
      return *this;
    }
    out_ += '"';
    for (const char c : value) {
      if (c == '"') out_ += '"';
      out_ += c;
    }
    out_ += '"';
    return *this;
  }
  Line& number(std::uint64_t value) {
    separate();
    out_ += fmt::format_int(value).c_str();
    return *this;
  }
  Line& tokens(Tokens value, bool known) { return known ? number(value) : text(""); }
  Line& flag(bool value) { return text(value ? "true" : "false"); }

 private:
  void separate() {
    if (fields_++ != 0) out_ += ',';
  }

  std::string& out_;
  std::size_t fields_ = 0;
};

// Microseconds as seconds, exactly: 1500000 is 1.5.
std::string seconds(std::uint64_t microseconds) {
  std::string text = fmt::format("{}.{:06}", microseconds / 1'000'000, microseconds % 1'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// a=b;c=d. A backslash stands before a semicolon, an equals sign of a name and a backslash
// that are part of a tag.
std::string tags_of(const Record& record) {
  std::string out;
  const auto append = [&](std::string_view text, std::string_view marks) {
    for (const char c : text) {
      if (marks.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  };
  for (const auto& [name, value] : record.tags) {
    if (!out.empty()) out += ';';
    append(name, "\\;=");
    out += '=';
    append(value, "\\;");
  }
  return out;
}

}  // namespace

void append_csv_header(std::string& out) {
  {
    Line line(out);
    for (const char* column : kColumns) line.text(column);
  }
  out += '\n';
}

void append_csv(std::string& out, const Record& record) {
  {
    const Usage& usage = record.usage;
    const bool known = record.metered;
    Line line(out);
    line.text(fmt::format("{:016x}", record.sequence)).text(rfc3339(record.time));
    line.text(record.request_id).text(record.provider).text(record.dialect).text(record.endpoint);
    line.text(record.model).text(record.requested_model);
    line.text(record.key_name).text(record.org).text(record.project).text(record.user);
    line.text(tags_of(record)).flag(record.stream).number(record.status);
    line.text(name_of(record.outcome));
    line.tokens(usage.input, known).tokens(usage.cached_input, known);
    line.tokens(usage.cache_write, known).tokens(usage.output, known);
    line.tokens(usage.reasoning, known);
    line.tokens(usage.audio_input, known).tokens(usage.audio_output, known);
    line.tokens(usage.image_input, known).tokens(usage.image_output, known);
    line.number(record.tool_calls);
    line.text(seconds(usage.microseconds)).number(usage.images).number(usage.characters);
    line.number(usage.queries).number(record.extras.size());
    line.text(record.priced ? record.cost.decimal() : std::string()).flag(record.priced);
    line.text(record.price_version).flag(record.estimated).flag(record.over_hold);
    line.flag(record.metered).text(record.cache).number(record.attempts.size());
    line.number(record.ttfb_ms).number(record.latency_ms).text(record.finish_reason);
    line.text(record.corrects == 0 ? std::string() : fmt::format("{:016x}", record.corrects));
    line.text(usage.reported_cost ? usage.reported_cost->decimal() : std::string());
    line.text(record.table_cost ? record.table_cost->decimal() : std::string());
    line.text(usage.service_tier).text(record.variant);
    line.text(record.saved ? record.saved->decimal() : std::string());
  }
  out += '\n';
}

}  // namespace farebox
