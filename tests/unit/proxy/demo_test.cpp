// What the pretend provider says is what our own readers count.
#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/demo/demo_reply.hpp"

namespace farebox {
namespace {

DemoRequest post(std::string target, std::string body) {
  DemoRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.content_type = "application/json";
  request.body = std::move(body);
  return request;
}

Reading read_with_our_reader(const DemoRequest& request) {
  const DemoCall call = understand(request);
  const DemoReply reply = reply_to(call, WallTime());
  EXPECT_EQ(reply.status, 200);
  const Dialect& dialect = dialect_for(call.dialect);
  const Route route = dialect.recognise(request.method, request.target);
  const auto facts = dialect.read_body(route, request.content_type, request.body);
  const auto reader = dialect.reader(route, *facts);
  for (const std::string& piece : reply.pieces) reader->feed(piece);
  return reader->finish();
}

constexpr const char* kChat = R"("messages":[{"role":"user","content":"one two three"}])";

TEST(Demo, OurReadersFindItsUsage) {
  struct Row {
    const char* target;
    std::string body;
  };
  const std::string chat = std::string(R"({"model":"m",)") + kChat;
  const Row rows[] = {
      {"/v1/chat/completions", chat + "}"},
      {"/v1/chat/completions", chat + R"(,"stream":true,"stream_options":{"include_usage":true}})"},
      {"/v1/responses", R"({"model":"m","input":"one two three"})"},
      {"/v1/responses", R"({"model":"m","input":"one two three","stream":true})"},
      {"/v1/messages", chat + R"(,"max_tokens":100})"},
      {"/v1/messages", chat + R"(,"max_tokens":100,"stream":true})"},
      {"/v1beta/models/m:generateContent", R"({"contents":[{"parts":[{"text":"one two three"}]}]})"},
      {"/v1beta/models/m:streamGenerateContent?alt=sse",
       R"({"contents":[{"parts":[{"text":"one two three"}]}]})"},
      {"/v1beta/models/m:streamGenerateContent",
       R"({"contents":[{"parts":[{"text":"one two three"}]}]})"},
  };
  for (const Row& row : rows) {
    const DemoRequest request = post(row.target, row.body);
    const DemoSpeech speech = speech_for(understand(request));
    const Reading reading = read_with_our_reader(request);
    EXPECT_EQ(reading.usage.source, UsageSource::reported) << row.target << row.body;
    EXPECT_EQ(reading.usage.input, tokens_of_words(3)) << row.target << row.body;
    EXPECT_EQ(reading.usage.output, speech.tokens()) << row.target << row.body;
  }
}

TEST(Demo, MaxTokensCutTheSpeech) {
  DemoCall call;
  const std::uint64_t whole = speech_for(call).tokens();
  for (std::uint64_t most = 1; most <= whole; ++most) {
    call.max_output_tokens = most;
    const DemoSpeech speech = speech_for(call);
    EXPECT_EQ(speech.cut, most < whole);
    EXPECT_GE(speech.words.size(), 1u);
    EXPECT_LE(speech.tokens(), std::max<std::uint64_t>(most, 2));  // one word is two tokens
  }
}

TEST(Demo, AFormFillsItsNames) {
  DemoForm form;
  form.set("id", 7).set_text("text", "a \"b\"").set_json("json", "[]");
  EXPECT_EQ(form.fill("x$id.$text,$json"), "x7.\"a \\\"b\\\"\",[]");
}

}  // namespace
}  // namespace farebox
