#include "proxy/dialect/body_facts.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace farebox {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

Route route(Endpoint endpoint) {
  Route route;
  route.endpoint = endpoint;
  return route;
}

Result<BodyFacts> read(const std::string& body, Endpoint endpoint = Endpoint::chat_completions,
                       const std::string& content_type = "application/json") {
  return read_body_facts(route(endpoint), content_type, body);
}

BodyFacts facts(const std::string& body, Endpoint endpoint = Endpoint::chat_completions,
                const std::string& content_type = "application/json") {
  const auto result = read(body, endpoint, content_type);
  EXPECT_TRUE(result.has_value()) << body;
  return result ? *result : BodyFacts();
}

TEST(BodyFacts, ReadsWhatTheBodySays) {
  const BodyFacts said = facts(
      R"( {"messages":[{"content":"\"model\":\"no\""}],"model":"gpt-4o","stream":true,)"
      R"("max_tokens":17,"n":3} )");
  EXPECT_TRUE(said.readable);
  EXPECT_EQ(said.model, "gpt-4o");
  EXPECT_TRUE(said.stream);
  EXPECT_EQ(said.max_output_tokens, 17u);
  EXPECT_EQ(said.choices, 3u);
  EXPECT_FALSE(said.asks_usage);
  EXPECT_EQ(said.input_bytes, 100u);
}

TEST(BodyFacts, WhateverTheContentTypeSays) {
  EXPECT_EQ(facts(R"({"model":"m"})", Endpoint::chat_completions, "text/plain").model, "m");
  EXPECT_EQ(facts("\xef\xbb\xbf{\"model\":\"m\"}").model, "m");
  EXPECT_EQ(facts(R"({"\u006dodel":"\u006d"})").model, "m");
}

TEST(BodyFacts, AnOddBodyIsNoErrorAndSaysNothing) {
  for (const char* body :
       {"", " ", "null", "[]", "\"text\"", "{", "{}}", "{} x", "{\"model\":\"m\"", "{'model':'m'}",
        "{\"model\":\"m\",}", "{\"model\":NaN}", "\x1f\x8b", "{\"model\":\"m\",\"model\":\"m\""}) {
    const BodyFacts said = facts(body);
    EXPECT_FALSE(said.readable) << body;
    EXPECT_EQ(said.model, "") << body;
    EXPECT_EQ(said.splice_at, kNowhere) << body;
    EXPECT_EQ(said.choices, 1u) << body;
  }
  EXPECT_FALSE(facts("{\"stream\":true,\"x\":" + std::string(2000, '[') + std::string(2000, ']') +
                     "}")
                   .readable);
}

TEST(BodyFacts, OddValuesAreNotSaid) {
  const BodyFacts said = facts(
      R"({"model":7,"stream":"yes","max_tokens":null,"n":-1,"max_completion_tokens":true})");
  EXPECT_TRUE(said.readable);
  EXPECT_EQ(said.model, "");
  EXPECT_FALSE(said.stream);
  EXPECT_EQ(said.max_output_tokens, 0u);
  EXPECT_EQ(said.choices, 1u);
  EXPECT_EQ(facts(R"({"model":")" + std::string(5000, 'm') + R"("})").model, "");
}

// Anything else would let a call cost more than what was held for it.
TEST(BodyFacts, OnlyAMaximumThatTheEndpointObeysBounds) {
  EXPECT_EQ(facts(R"({"max_output_tokens":5,"max_gen_len":5,"generationConfig":)"
                  R"({"maxOutputTokens":5},"options":{"num_predict":5}})").max_output_tokens, 0u);
  EXPECT_EQ(facts(R"({"max_tokens":5})", Endpoint::responses).max_output_tokens, 0u);
  EXPECT_EQ(facts(R"({"max_tokens":5})", Endpoint::generate_content).max_output_tokens, 0u);
  EXPECT_EQ(facts(R"({"completion_args":{"max_tokens":5}})", Endpoint::conversations)
                .max_output_tokens, 5u);
}

// What one server takes for a number must not be unsaid for us.
TEST(BodyFacts, BoundsAreReadAsTheMostLenientServerReadsThem) {
  const auto bound = [](const std::string& number) {
    return facts("{\"max_tokens\":" + number + "}").max_output_tokens;
  };
  EXPECT_EQ(bound("100"), 100u);
  EXPECT_EQ(bound("\"100\""), 100u);
  EXPECT_EQ(bound("1e3"), 1000u);
  EXPECT_EQ(bound("99.5"), 100u);
  EXPECT_EQ(bound("1e400"), 1ull << 53);
  EXPECT_EQ(bound("99999999999999999999"), 1ull << 53);
  EXPECT_EQ(bound("1e-400"), 0u);
  EXPECT_EQ(bound("-5"), 0u);
  EXPECT_EQ(bound("\"x\""), 0u);
  EXPECT_EQ(bound("\"\""), 0u);
  // Of two spellings the larger one bounds.
  EXPECT_EQ(facts(R"({"max_tokens":5,"max_completion_tokens":50})").max_output_tokens, 50u);
  EXPECT_EQ(facts(R"({"n":2,"best_of":5})", Endpoint::completions).choices, 5u);
}

TEST(BodyFacts, ARepeatedKeyIsRefusedByName) {
  for (const std::string key : {"model", "stream", "max_tokens", "max_completion_tokens",
                                "max_output_tokens", "n", "tools", "stream_options"}) {
    const auto result = read("{\"" + key + "\":1,\"x\":{},\"" + key + "\":2}");
    ASSERT_TRUE(result.has_error()) << key;
    EXPECT_EQ(result.error().code, ErrorCode::bad_request);
    EXPECT_NE(result.error().context.find("\"" + key + "\""), std::string::npos);
  }
  EXPECT_TRUE(read(R"({"model":"a","\u006d\u006Fdel":"b"})").has_error());
  EXPECT_TRUE(read(R"({"stream_options":{"include_usage":true,"include_us\u0061ge":false}})")
                  .has_error());
}

TEST(BodyFacts, OtherRepeatsPass) {
  EXPECT_EQ(facts(R"({"model":"m","x":1,"x":2,"a":{"model":1,"model":2}})").model, "m");
  EXPECT_TRUE(facts(R"({"model":"m","Model":"n"})").readable);
}

TEST(BodyFacts, GeminiKeysHaveTwoSpellings) {
  const BodyFacts said =
      facts(R"({"contents":[],"generation_config":{"maxOutputTokens":9,"candidate_count":2}})",
            Endpoint::generate_content);
  EXPECT_EQ(said.max_output_tokens, 9u);
  EXPECT_EQ(said.choices, 2u);
  for (const char* body :
       {R"({"contents":[],"contents":[]})", R"({"generationConfig":{},"generation_config":{}})",
        R"({"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}})"}) {
    EXPECT_TRUE(read(body, Endpoint::generate_content).has_error()) << body;
  }
}

TEST(BodyFacts, APathsModelStands) {
  Route deployment = route(Endpoint::chat_completions);
  deployment.model = "my-deployment";
  EXPECT_EQ(read_body_facts(deployment, "", R"({"model":"other"})")->model, "my-deployment");
  EXPECT_EQ(read_body_facts(deployment, "", "")->model, "my-deployment");
}

// What the body becomes when include_usage is spliced in as the facts say.
std::string spliced(std::string body, const BodyFacts& facts) {
  std::string text = facts.splice_inside_options ? R"("include_usage":true)"
                                                 : R"("stream_options":{"include_usage":true})";
  if (facts.splice_needs_comma) text += ",";
  return body.insert(facts.splice_at, text);
}

TEST(BodyFacts, SplicingGivesTheSameBodyWithUsageAskedFor) {
  for (const char* body :
       {R"({"stream":true})", R"( { "stream":true,"model":"m"})", "\xef\xbb\xbf{\"stream\":true}",
        R"({"stream_options":{},"stream":true})", R"({"stream_options": { } ,"stream":true})",
        R"({"stream":true,"stream_options":{"include_obfuscation":false}})",
        R"({"stream":true,"stream_options" : {"x":{"include_usage":false}}})"}) {
    for (const Endpoint endpoint : {Endpoint::chat_completions, Endpoint::completions}) {
      const BodyFacts said = facts(body, endpoint);
      ASSERT_NE(said.splice_at, kNowhere) << body;
      std::string text = spliced(body, said);
      if (text.starts_with("\xef")) text.erase(0, 3);
      auto changed = nlohmann::json::parse(text, nullptr, false);
      ASSERT_TRUE(changed.is_object()) << text;
      EXPECT_EQ(changed["stream_options"]["include_usage"], true) << text;
      std::string original_text = body;
      if (original_text.starts_with("\xef")) original_text.erase(0, 3);
      auto original = nlohmann::json::parse(original_text);
      changed["stream_options"].erase("include_usage");
      if (!original.contains("stream_options")) changed.erase("stream_options");
      EXPECT_EQ(changed, original) << text;
    }
  }
}

TEST(BodyFacts, NothingIsSplicedWhereItMustNot) {
  for (const char* body :
       {R"({"stream":false})", R"({"model":"m"})", R"({"stream":1})",
        R"({"stream":true,"stream_options":{"include_usage":true}})",
        R"({"stream":true,"stream_options":{"include_usage":false}})",
        R"({"stream":true,"stream_options":{"include_usage":null}})",
        R"({"stream":true,"stream_options":null})", R"({"stream":true,"stream_options":[]})"}) {
    EXPECT_EQ(facts(body).splice_at, kNowhere) << body;
  }
  EXPECT_TRUE(facts(R"({"stream":true,"stream_options":{"include_usage":true}})").asks_usage);
  EXPECT_FALSE(facts(R"({"stream":true,"stream_options":{"include_usage":false}})").asks_usage);
  for (const Endpoint endpoint : {Endpoint::responses, Endpoint::messages, Endpoint::images}) {
    EXPECT_EQ(facts(R"({"stream":true})", endpoint).splice_at, kNowhere);
  }
}

std::string part(const std::string& disposition, const std::string& value) {
  return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value + "\r\n";
}

BodyFacts form(const std::string& body,
               const std::string& type = "multipart/form-data; boundary=B") {
  return facts(body, Endpoint::transcriptions, type);
}

TEST(BodyFacts, FormsNameTheirModel) {
  const std::string file =
      "--B\r\ncontent-type: audio/wav\r\nCONTENT-DISPOSITION: form-data; filename=\"a;b.wav\"; "
      "name=\"file\"\r\n\r\n\r\n--\r\n--Bx\r\n\r\n" +
      std::string(100'000, '\r') + "\r\n";
  const BodyFacts said = form("preamble\r\n" + file + part("name=\"model\"", "whisper-1") +
                              part("name=\"stream\"", "True") + part("name=n", "2") +
                              part("name=user", "u") + "--B--\r\n");
  EXPECT_EQ(said.said.user, "u");
  EXPECT_TRUE(said.readable);
  EXPECT_EQ(said.model, "whisper-1");
  EXPECT_TRUE(said.stream);
  EXPECT_EQ(said.choices, 2u);
  // .NET clients don't quote.
  EXPECT_EQ(form(part("name=model", "m") + "--B--", "Multipart/Form-Data; boundary=\"B\"").model,
            "m");
  EXPECT_EQ(form(part("name=model", "") + "--B--").model, "");
}

TEST(BodyFacts, OddFormsSayNothing) {
  const std::string model = part("name=model", "m");
  for (const std::string& body :
       {std::string(), std::string("--B"), std::string("--B\r\n"), model, model + "--B",
        model + model + "--B--", std::string("no delimiter at all"),
        "--B\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n\r\n--B--"}) {
    EXPECT_FALSE(form(body).readable) << body.substr(0, 200);
    EXPECT_EQ(form(body).model, "");
  }
  EXPECT_FALSE(form(model + "--B--", "multipart/form-data").readable);
  EXPECT_FALSE(form(model + "--B--", "multipart/form-data; boundary=").readable);
  EXPECT_FALSE(form(model + "--B--", "application/octet-stream").readable);
  // A file that is called model is not the model.
  EXPECT_EQ(form(part("name=model; filename=x", "m") + "--B--").model, "");
}

TEST(BodyFacts, AnyCutOfABodyIsHandled) {
  const std::string json = R"({"model":"m\u00e9","stream":true,"stream_options":{"a":[1]},"n":1})";
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(facts(json.substr(0, size)).readable);
  }
  const std::string whole =
      part("name=\"model\"", "m") + part("name=file; filename=\"f\\\"\"", "x") + "--B--";
  for (std::size_t size = 0; size < whole.size(); ++size) form(whole.substr(0, size));
}

// What only the request says of things that aren't sold by the token.
TEST(BodyFacts, SizesWordsAndTextToBeSpoken) {
  const BodyFacts image =
      facts(R"({"model":"dall-e-3","size":"1792x1024","quality":"hd","n":2})", Endpoint::images);
  EXPECT_EQ(image.size, "1792x1024");
  EXPECT_EQ(image.quality, "hd");
  EXPECT_EQ(image.choices, 2u);
  EXPECT_EQ(facts(R"({"size":"1x1"})").size, "");
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n512x512\r\n"
      "--b\r\nContent-Disposition: form-data; name=quality\r\n\r\nhigh\r\n--b--\r\n";
  const BodyFacts edit = facts(form, Endpoint::images, "multipart/form-data; boundary=b");
  EXPECT_EQ(edit.size, "512x512");
  EXPECT_EQ(edit.quality, "high");
  EXPECT_FALSE(edit.input_is_whole());  // a form carries files
  EXPECT_EQ(facts(R"({"input":"H\u00e9\ud83d\ude00 wörld"})", Endpoint::speech).characters, 9u);
  EXPECT_EQ(facts(R"({"input":"wörld"})", Endpoint::speech).characters, 5u);
  EXPECT_EQ(facts(R"({"web_search_options":{"search_context_size":"high"}})").search_context,
            "high");
  EXPECT_EQ(facts(R"({"tools":[{"type":"function"},{"type":"web_search",)"
                  R"("search_context_size":"low"}]})", Endpoint::responses).search_context,
            "low");
  EXPECT_TRUE(facts(R"({"document_annotation_format":{"type":"json_schema"}})", Endpoint::ocr)
                  .annotates);
  EXPECT_FALSE(facts(R"({"document_annotation_format":null})", Endpoint::ocr).annotates);
}

TEST(BodyFacts, OllamaStreamsUnlessToldNotTo) {
  Route ollama = route(Endpoint::chat);
  ollama.speaks = DialectName::ollama;
  const auto streams = [&](const std::string& body) {
    return read_body_facts(ollama, "application/json", body)->stream;
  };
  EXPECT_TRUE(streams(R"({"model":"m"})"));
  EXPECT_TRUE(streams(R"({"model":"m","stream":null})"));
  EXPECT_TRUE(streams(R"({"model":"m","stream":true})"));
  EXPECT_FALSE(streams(R"({"model":"m","stream":false})"));
  const auto said = read_body_facts(ollama, "application/json",
                                    R"({"model":"m","options":{"num_predict":100}})");
  EXPECT_EQ(said->max_output_tokens, 100u);
  EXPECT_FALSE(read_body_facts(ollama, "application/json",
                               R"({"options":{"num_predict":1,"num_predict":9}})"));
  // Its dialect says so of its own paths, embeddings don't stream.
  ollama.endpoint = Endpoint::embed;
  EXPECT_FALSE(streams(R"({"model":"m"})"));
  EXPECT_TRUE(dialect_for(DialectName::ollama)
                  .read_body(route(Endpoint::generate), "", R"({"model":"m"})")->stream);
}

TEST(BodyFacts, OtherNamesOfModelAndBounds) {
  const BodyFacts watsonx = facts(R"({"model_id":"m","parameters":{"max_new_tokens":20}})",
                                  Endpoint::generate);
  EXPECT_EQ(watsonx.model, "m");
  EXPECT_EQ(watsonx.max_output_tokens, 20u);
  EXPECT_EQ(facts(R"({"parameters":{"sampleCount":4}})", Endpoint::predict).choices, 4u);
}

}  // namespace
}  // namespace farebox
