// Text generation outside OpenAI's shapes, and Vertex AI's :predict.
#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

using testing::read_all_cuts;

std::string generate(const std::string& reply) { return read_all_cuts(Endpoint::generate, reply); }
std::string predict(const std::string& reply) { return read_all_cuts(Endpoint::predict, reply); }

TEST(GenerationReader, WatsonxTellsTheInputOnceAndTheOutputGrowing) {
  const auto event = [](const std::string& result) {
    return "id: 1\nevent: message\ndata: {\"model_id\":\"m\",\"results\":[" + result + "]}\n\n";
  };
  const std::string first = event(
      R"({"generated_text":"","generated_token_count":0,"input_token_count":8,)"
      R"("stop_reason":"not_finished"})");
  const std::string last = event(
      R"({"generated_text":"x","generated_token_count":11,"input_token_count":0,)"
      R"("stop_reason":"eos_token"})");
  EXPECT_EQ(generate(first + last), "in 8, out 11, m eos_token stream finished");
  EXPECT_EQ(generate(first), "in 8, m stream cut");
  EXPECT_EQ(generate(R"({"model_id":"m","results":[{"generated_text":"2","generated_token_count":2,)"
                     R"("input_token_count":7,"stop_reason":"max_tokens"},{"generated_text":"3",)"
                     R"("generated_token_count":1,"input_token_count":5,)"
                     R"("stop_reason":"eos_token"}]})"),
            "in 12, out 3, m eos_token finished");
  EXPECT_EQ(generate(R"({"errors":[{"code":"not_found"}],"trace":"t"})"),
            "nothing error: finished");
  EXPECT_EQ(generate(R"({"results":[{"generated_token_count":-2,"input_token_count":7}]})"),
            "nothing finished");
}

TEST(GenerationReader, TextGenerationInference) {
  EXPECT_EQ(generate(R"({"generated_text":"x","details":{"finish_reason":"length",)"
                     R"("generated_tokens":3,"prefill":[{"id":1},{"id":2}],"tokens":[]}})"),
            "in 2, out 3, length finished");
  EXPECT_EQ(generate("data:{\"token\":{\"text\":\" a\"},\"generated_text\":null}\n\n"
                     "data:{\"token\":{\"text\":\" b\"},\"generated_text\":\" a b\",\"details\":"
                     "{\"finish_reason\":\"eos_token\",\"generated_tokens\":2,"
                     "\"input_length\":4}}\n\n"),
            "in 4, out 2, eos_token stream finished");
  // Elsewhere only its headers tell.
  const auto reader = reader_for(Endpoint::generate);
  http::ResponseHead head;
  head.fields.push_back({"x-prompt-tokens", "17"});
  head.fields.push_back({"x-generated-tokens", "5"});
  reader->head(head);
  reader->feed(R"({"generated_text":"x"})");
  EXPECT_EQ(testing::summary(reader->finish()), "in 17, out 5, finished");
}

TEST(GenerationReader, LlamaServerAndReplicate) {
  EXPECT_EQ(generate(R"({"content":"x","model":"m","tokens_evaluated":9,"tokens_predicted":4,)"
                     R"("stop_type":"eos","stop":true})"),
            "in 9, out 4, m eos finished");
  EXPECT_EQ(read_all_cuts(Endpoint::predictions,
                          R"({"model":"o/m","status":"starting","error":null,"metrics":null})"),
            "nothing o/m starting finished");
  EXPECT_EQ(read_all_cuts(Endpoint::predictions,
                          R"({"model":"o/m","status":"succeeded","output":["a"],"metrics":)"
                          R"({"predict_time":1.25,"input_token_count":3,"output_token_count":4}})"),
            "in 3, out 4, us 1250000, o/m succeeded finished");
}

TEST(PredictReader, EmbeddingsAreCountedOneByOne) {
  EXPECT_EQ(predict(R"({"predictions":[{"embeddings":{"statistics":{"truncated":false,)"
                    R"("token_count":14},"values":[0.1,0.2]}},{"embeddings":{"values":[],)"
                    R"("statistics":{"token_count":6}}}],"metadata":)"
                    R"({"billableCharacterCount":101}})"),
            "in 20, characters 101, finished");
  EXPECT_EQ(predict(R"({"predictions":[{"embeddings":{"statistics":{"token_count":1.5}}}]})"),
            "nothing finished");
}

TEST(PredictReader, ImagesThatAFilterHeldBackDoNotCount) {
  EXPECT_EQ(predict(R"({"predictions":[{"bytesBase64Encoded":"AA==","mimeType":"image/png"},)"
                    R"({"raiFilteredReason":"blocked"},{"gcsUri":"gs://b/i.png"}]})"),
            "images 2, finished");
  EXPECT_EQ(predict(R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}})"),
            "nothing error:RESOURCE_EXHAUSTED finished");
}

}  // namespace
}  // namespace farebox
