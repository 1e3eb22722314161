// Records as CSV: a second reader, written here, must get back what went in.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "storage/record_csv.hpp"

namespace farebox {
namespace {

// RFC 4180 with LF, strictly: what it can't read, a spreadsheet may misread.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> lines{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::string& field = lines.back().back();
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += '"';
      ++i;
    } else if (c == '"') {
      EXPECT_TRUE(quoted || field.empty()) << "a quote inside a field without quotes";
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      lines.back().emplace_back();
    } else if (!quoted && c == '\n') {
      lines.push_back({""});
    } else {
      field += c;
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(lines.back(), std::vector<std::string>{""}) << "the last line ends too";
  lines.pop_back();
  return lines;
}

std::map<std::string, std::string> fields_of(const Record& record) {
  std::string text;
  append_csv_header(text);
  append_csv(text, record);
  const auto lines = read_csv(text);
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), lines[1].size());
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i < lines[0].size(); ++i) fields[lines[0][i]] = lines[1][i];
  return fields;
}

Record full() {
  Record record;
  record.sequence = 0x2a;
  record.time = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) +
                std::chrono::milliseconds(17'643'123);
  record.request_id = "r-1";
  record.provider = "openai";
  record.model = "gpt-4.1-mini-2025-04-14";
  record.metered = record.priced = true;
  record.status = 200;
  record.usage.input = 1'234'567;
  record.usage.microseconds = 1'500'000;
  record.cost = Money::picodollars(5'100'000);
  record.attempts.resize(2);
  record.extras.resize(3);
  record.tags = {{"team", "search"}, {"tier", "b"}};
  record.finish_reason = "stop";
  return record;
}

TEST(RecordCsv, AFieldHasTheValueOfTheJson) {
  auto fields = fields_of(full());
  const std::pair<const char*, const char*> rows[] = {
      {"id", "000000000000002a"}, {"time", "2026-11-21T04:54:03.123Z"}, {"requestId", "r-1"},
      {"model", "gpt-4.1-mini-2025-04-14"}, {"inputTokens", "1234567"}, {"outputTokens", "0"},
      {"units_seconds", "1.5"}, {"units_images", "0"}, {"costUsd", "0.0000051"},
      {"priced", "true"}, {"estimated", "false"}, {"attempts", "2"}, {"extras", "3"},
      {"tags", "team=search;tier=b"}, {"outcome", "ok"}, {"status", "200"}, {"keyName", ""},
      {"finishReason", "stop"},
  };
  for (const auto& [name, value] : rows) EXPECT_EQ(fields[name], value) << name;
  EXPECT_EQ(fields.size(), 48u);
}

TEST(RecordCsv, UnknownIsEmptyAndNeverZero) {
  Record record = full();
  record.priced = record.metered = false;
  auto fields = fields_of(record);
  for (const char* name : {"costUsd", "inputTokens", "outputTokens", "reasoningTokens"}) {
    EXPECT_EQ(fields[name], "") << name;
  }
  EXPECT_EQ(fields["priced"], "false");
  record = full();
  record.cost = Money();
  EXPECT_EQ(fields_of(record)["costUsd"], "0") << "known to cost nothing";
}

TEST(RecordCsv, AnyTextComesBackAsItWas) {
  for (const char* text : {"a,b", "say \"hi\"", "\"", "two\nlines", "\r\n", "=1+1", "@x", " blank ",
                           "\xc3\xa9", "", ",,,", "\"\"", "a\tb"}) {
    Record record = full();
    record.project = text;
    record.finish_reason = text;
    auto fields = fields_of(record);
    EXPECT_EQ(fields["project"], text);
    EXPECT_EQ(fields["finishReason"], text);
    EXPECT_EQ(fields["outcome"], "ok") << "the fields behind it stay in their columns";
  }
}

TEST(RecordCsv, TagsCanBeTakenApartAgain) {
  Record record = full();
  record.tags = {{"a=b", "c=d"}, {"x;y", "z;"}, {"back\\", "\\slash"}};
  EXPECT_EQ(fields_of(record)["tags"], "a\\=b=c=d;back\\\\=\\\\slash;x\\;y=z\\;");
}

TEST(RecordCsv, AmountsAreExact) {
  Record record = full();
  record.cost = *Money::parse("98765432109876.123456789012");
  EXPECT_EQ(fields_of(record)["costUsd"], "98765432109876.123456789012");
}

}  // namespace
}  // namespace farebox
