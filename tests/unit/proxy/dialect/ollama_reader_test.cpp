#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

std::string read(const std::string& reply, Endpoint endpoint = Endpoint::chat) {
  Route route;
  route.endpoint = endpoint;
  return testing::read_all_cuts(route, DialectName::ollama, reply);
}

const std::string kLine =
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":"
    "[{\"function\":{}}]},\"done\":false}\n";
const std::string kLast =
    "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
    "\"prompt_eval_count\":31,\"eval_count\":27}\n";

TEST(OllamaReader, LinesEndWithTheOneThatIsDone) {
  EXPECT_EQ(read(kLine + kLast), "in 31, out 27, calls 1, m stop stream finished");
  EXPECT_EQ(read(kLine + kLine), "nothing calls 2, m stream cut");
  EXPECT_EQ(read(kLine), "nothing calls 1, m cut");
  EXPECT_EQ(read(kLast), "in 31, out 27, m stop finished");
  const auto reader = [] {
    Route route;
    route.endpoint = Endpoint::chat;
    return reader_for(route, DialectName::ollama);
  }();
  reader->feed(kLine);
  EXPECT_FALSE(reader->whole());
  reader->feed(kLast);
  EXPECT_TRUE(reader->whole());
}

// `omitempty`: a prompt that lay in the cache whole isn't counted at all.
TEST(OllamaReader, CountsOfZeroAreLeftOut) {
  EXPECT_EQ(read(R"({"model":"m","done":true,"eval_count":27})"), "out 27, m finished");
  EXPECT_EQ(read(R"({"model":"m","done":true})"), "nothing m finished");
  EXPECT_EQ(read(R"({"model":"m","done":true,"prompt_eval_count":-1,"eval_count":27})"),
            "nothing m finished");
}

TEST(OllamaReader, OtherAnswers) {
  EXPECT_EQ(read(R"({"model":"m","response":"x","done":true,"prompt_eval_count":1,"eval_count":2})",
                 Endpoint::generate),
            "in 1, out 2, m finished");
  EXPECT_EQ(read(R"({"model":"m","embeddings":[[0.1]],"prompt_eval_count":12})", Endpoint::embed),
            "in 12, m finished");
  EXPECT_EQ(read(R"({"embedding":[0.1]})", Endpoint::embed), "nothing finished");
  EXPECT_EQ(read(R"({"error":"model 'x' not found"})"), "nothing error: finished");
  EXPECT_EQ(read(kLine + "{\"error\":\"out of memory\"}\n"),
            "nothing calls 1, m error: stream finished");
}

}  // namespace
}  // namespace farebox
