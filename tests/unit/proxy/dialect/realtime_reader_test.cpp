#include "proxy/dialect/realtime_reader.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace farebox {
namespace {

using Json = nlohmann::json;
using Direction = RealtimeReader::Direction;
using Kind = RealtimeUnit::Kind;

std::vector<Json> sessions_in(const std::filesystem::path& file) {
  std::vector<Json> sessions;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) sessions.push_back(Json::parse(line));
  return sessions;
}

std::uint64_t number(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? 0 : found->get<std::uint64_t>();
}

void expect_response(const Json& want, const Reading& reading, const std::string& name) {
  const Usage& usage = reading.usage;
  EXPECT_EQ(usage.source, UsageSource::reported) << name;
  EXPECT_EQ(usage.input, number(want, "input_tokens")) << name;
  EXPECT_EQ(usage.output, number(want, "output_tokens")) << name;
  EXPECT_EQ(usage.cached_input, number(want, "cached_input_tokens")) << name;
  EXPECT_EQ(usage.audio_input, number(want, "audio_input_tokens")) << name;
  EXPECT_EQ(usage.audio_output, number(want, "audio_output_tokens")) << name;
  EXPECT_EQ(reading.finish_reason, want.value("status", "")) << name;
  EXPECT_TRUE(reading.finished) << name;
}

void expect_transcription(const Json& want, const Usage& usage, const std::string& name) {
  EXPECT_EQ(usage.source, UsageSource::reported) << name;
  EXPECT_EQ(usage.microseconds, number(want, "seconds") * 1'000'000) << name;
  EXPECT_EQ(usage.input, number(want, "input_tokens")) << name;
  EXPECT_EQ(usage.output, number(want, "output_tokens")) << name;
  if (want.contains("input_token_details")) {
    EXPECT_EQ(usage.audio_input, number(want["input_token_details"], "audio_tokens")) << name;
  }
}

// Exactly what `expected` says, in its order.
void check(const Json& session) {
  const std::string name = session["provider"].get<std::string>() + " " +
                           session["id"].get<std::string>();
  const Json& expected = session["expected"];
  RealtimeReader reader(session["api"] == "gemini.live" ? RealtimeProtocol::gemini
                                                        : RealtimeProtocol::openai,
                        "");
  std::size_t responses = 0, transcriptions = 0;
  RealtimeUnit unit;
  const auto take_units = [&] {
    while (reader.next(unit)) {
      if (unit.kind == Kind::response) {
        ASSERT_LT(responses, expected["responses"].size()) << name;
        expect_response(expected["responses"][responses++], unit.reading, name);
      } else {
        ASSERT_LT(transcriptions, expected["transcriptions"].size()) << name;
        expect_transcription(expected["transcriptions"][transcriptions++], unit.reading.usage,
                             name);
        EXPECT_NE(unit.reading.model, "") << name;
        EXPECT_NE(unit.reading.model, reader.model()) << name;
      }
    }
  };
  for (const Json& frame : session["frames"]) {
    if (!frame.contains("text")) continue;
    reader.take(frame["direction"] == "sent" ? Direction::sent : Direction::received,
                frame["text"].get<std::string>());
    take_units();
  }
  reader.finish();
  take_units();
  EXPECT_EQ(responses, expected["responses"].size()) << name;
  EXPECT_EQ(transcriptions, expected["transcriptions"].size()) << name;
  EXPECT_EQ(reader.model(), expected["model"].is_null() ? "" : expected["model"]) << name;
  EXPECT_EQ(reader.totals().input, number(expected, "input_tokens")) << name;
  EXPECT_EQ(reader.totals().output, number(expected, "output_tokens")) << name;
  EXPECT_EQ(reader.totals().unsaid, 0u) << name;
}

TEST(RealtimeSessions, KeptOnesAreReadExactly) {
  const auto sessions = sessions_in(FAREBOX_SOURCE_DIR "/tests/data/realtime/sessions.jsonl");
  ASSERT_FALSE(sessions.empty());
  for (const Json& session : sessions) check(session);
}

TEST(RealtimeSessions, AllAreReadExactly) {
  const char* facts = std::getenv("FAREBOX_FACTS_DIR");
  const std::filesystem::path folder =
      facts != nullptr ? facts : FAREBOX_SOURCE_DIR "/../shared";
  const auto sessions = sessions_in(folder / "recordings/realtime-ws.jsonl");
  if (sessions.empty()) GTEST_SKIP() << "the sessions are not here; set FAREBOX_FACTS_DIR";
  for (const Json& session : sessions) check(session);
  std::printf("%zu sessions\n", sessions.size());
}

// The units of a session in which the provider sends these messages.
std::vector<RealtimeUnit> units_of(RealtimeReader& reader,
                                   const std::vector<std::string>& messages) {
  for (const std::string& message : messages) reader.take(Direction::received, message);
  reader.finish();
  std::vector<RealtimeUnit> units;
  for (RealtimeUnit unit; reader.next(unit);) units.push_back(std::move(unit));
  return units;
}

std::vector<RealtimeUnit> openai_units(const std::vector<std::string>& messages) {
  RealtimeReader reader(RealtimeProtocol::openai, "gpt-realtime");
  return units_of(reader, messages);
}

std::vector<RealtimeUnit> gemini_units(const std::vector<std::string>& messages) {
  RealtimeReader reader(RealtimeProtocol::gemini, "models/live");
  return units_of(reader, messages);
}

TEST(RealtimeReader, AnInterruptedResponseHasNoUsage) {
  const auto units = openai_units(
      {R"({"type":"response.created","response":{"id":"a"}})",
       R"({"type":"response.output_audio_transcript.delta","response_id":"a","delta":"hello"})",
       R"({"type":"response.output_audio.delta","response_id":"a","delta":"AAAAAAAA"})",
       R"({"type":"response.done","response":{"id":"a","status":"cancelled","usage":null}})"});
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].reading.usage.source, UsageSource::none);
  EXPECT_EQ(units[0].reading.finish_reason, "cancelled");
  EXPECT_EQ(units[0].reading.output_bytes, 5u);
  EXPECT_EQ(units[0].audio_octets, 6u);
  EXPECT_EQ(units[0].reading.model, "gpt-realtime");
}

TEST(RealtimeReader, ResponsesSideBySideAreToldApart) {
  const auto units = openai_units(
      {R"({"type":"response.created","response":{"id":"a"}})",
       R"({"type":"response.created","response":{"id":"b"}})",
       R"({"type":"response.output_text.delta","response_id":"b","delta":"bbb"})",
       R"({"type":"response.output_text.delta","response_id":"a","delta":"a"})",
       R"({"type":"response.done","response":{"id":"b","status":"completed",
           "output":[{"type":"function_call"},{"type":"message"}],
           "usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}})"});
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].reading.output_bytes, 3u);
  EXPECT_EQ(units[0].reading.tool_calls, 1u);
  EXPECT_TRUE(units[0].reading.finished);
  // The session's end cut the other one.
  EXPECT_EQ(units[1].reading.output_bytes, 1u);
  EXPECT_FALSE(units[1].reading.finished);
  EXPECT_EQ(units[1].reading.usage.source, UsageSource::none);
}

TEST(RealtimeReader, AFailedResponseIsAnError) {
  const auto units = openai_units({R"({"type":"response.done","response":{"status":"failed",
      "status_details":{"type":"failed","error":{"type":"server_error","code":"overloaded"}}}})"});
  ASSERT_EQ(units.size(), 1u);
  EXPECT_TRUE(units[0].reading.error);
  EXPECT_EQ(units[0].reading.error_code, "overloaded");
}

TEST(RealtimeReader, NumbersAreExactOrUnsaid) {
  for (const char* usage :
       {R"({"input_tokens":-1,"output_tokens":2})", R"({"input_tokens":1.5,"output_tokens":2})",
        R"({"input_tokens":9007199254740993,"output_tokens":2})", R"({"output_tokens":2})", "{}",
        "null", "7", R"({"input_tokens":null,"output_tokens":null})"}) {
    const auto units = openai_units(
        {std::string(R"({"type":"response.done","response":{"usage":)") + usage + "}}"});
    ASSERT_EQ(units.size(), 1u) << usage;
    EXPECT_EQ(units[0].reading.usage.source, UsageSource::none) << usage;
    EXPECT_EQ(units[0].reading.usage.input, 0u) << usage;
  }
  const auto xai = openai_units({R"({"response":{"usage":{}},"usage":{"input_tokens":8,
      "output_tokens":249,"billable_audio_seconds":2.5},"type":"response.done"})"});
  ASSERT_EQ(xai.size(), 1u);
  EXPECT_EQ(xai[0].reading.usage.microseconds, 2'500'000u);
}

TEST(RealtimeReader, WhatIsNoMessageTeachesNothing) {
  for (const char* message :
       {"", "hello", "[]", "{", R"({"type":"response.done","response":{"usage")",
        R"({"type":7})", R"({"type":"response.done"} x)"}) {
    EXPECT_TRUE(openai_units({message}).empty()) << message;
    EXPECT_TRUE(gemini_units({message}).empty()) << message;
  }
  RealtimeReader reader(RealtimeProtocol::openai, "m");
  // Only the provider's own word is believed.
  reader.take(Direction::sent,
              R"({"type":"response.done","response":{"usage":{"input_tokens":1,"output_tokens":1}}})");
  RealtimeUnit unit;
  EXPECT_FALSE(reader.next(unit));
  reader.take(Direction::received, R"({"type":"error","error":{"code":"bad","type":"t"}})");
  EXPECT_EQ(reader.last_error(), "bad");
}

TEST(RealtimeReader, EveryTurnOfGeminiIsBilledOnce) {
  const std::string speaks =
      R"({"serverContent":{"modelTurn":{"parts":[{"text":"ab"},{"inlineData":{"data":"AAAA"}}]}}})";
  const std::string usage =
      R"("usageMetadata":{"promptTokenCount":10,"responseTokenCount":5,"thoughtsTokenCount":2})";
  const std::string completes = R"("serverContent":{"turnComplete":true})";

  // With the end, behind it, and before it.
  for (const std::vector<std::string>& turn : std::vector<std::vector<std::string>>{
           {speaks, "{" + completes + "," + usage + "}"},
           {speaks, "{" + usage + "," + completes + "}"},
           {speaks, "{" + completes + "}", "{" + usage + "}"},
           {speaks, "{" + usage + "}", "{" + completes + "}"},
           {speaks, R"({"usageMetadata":{"promptTokenCount":10,"responseTokenCount":1}})",
            "{" + completes + "," + usage + "}"}}) {
    std::vector<std::string> twice = turn;
    twice.insert(twice.end(), turn.begin(), turn.end());
    const auto units = gemini_units(twice);
    ASSERT_EQ(units.size(), 2u) << turn[1];
    for (const RealtimeUnit& unit : units) {
      EXPECT_EQ(unit.reading.usage.input, 10u);
      EXPECT_EQ(unit.reading.usage.output, 7u);
      EXPECT_EQ(unit.reading.usage.reasoning, 2u);
      EXPECT_EQ(unit.reading.output_bytes, 2u);
      EXPECT_EQ(unit.audio_octets, 3u);
      EXPECT_TRUE(unit.reading.finished);
    }
  }
}

TEST(RealtimeReader, ATurnOfGeminiWithoutUsageIsUnsaid) {
  const std::string speaks = R"({"serverContent":{"modelTurn":{"parts":[{"text":"ab"}]}}})";
  const auto units =
      gemini_units({speaks, R"({"serverContent":{"turnComplete":true}})", speaks,
                    R"({"toolCall":{"functionCalls":[{},{}]}})"});
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].reading.usage.source, UsageSource::none);
  EXPECT_TRUE(units[0].reading.finished);
  EXPECT_FALSE(units[1].reading.finished);
  EXPECT_EQ(units[1].reading.tool_calls, 2u);
}

}  // namespace
}  // namespace farebox
