#include "proxy/dialect/model_name.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

// The target afterwards; "-" where the model isn't found, or what is wanted can't stand there.
std::string renamed(std::string target, DialectName dialect, std::size_t base = 0,
                    std::string_view wanted = "new") {
  const Route route = dialect_for(dialect).recognise("POST", std::string_view(target).substr(base));
  std::string body;
  EXPECT_FALSE(route.model.empty()) << target;
  const bool done = replace_model(dialect_for(dialect), "POST", route, route.model, wanted, base, target, body);
  return done ? target : "-";
}

TEST(ModelName, StandsInThePathBehindItsBase) {
  constexpr auto kGemini = DialectName::gemini, kAzure = DialectName::azure, kBedrock = DialectName::bedrock;
  EXPECT_EQ(renamed("/v1beta/models/a:generateContent?b=c", kGemini), "/v1beta/models/new:generateContent?b=c");
  EXPECT_EQ(renamed("/model/p%2Fq/converse", kBedrock), "/model/new/converse");
  EXPECT_EQ(renamed("/model/p/q/invoke", kBedrock), "/model/new/invoke");
  EXPECT_EQ(renamed("/model/p/converse", kBedrock, 0, "r/s:0"), "/model/r%2Fs%3A0/converse");
  EXPECT_EQ(renamed("/openai/deployments/a/chat/completions", kAzure), "/openai/deployments/new/chat/completions");
  // The name was found in the base path, and in the word before it.
  EXPECT_EQ(renamed("/v1beta/models/v%31beta:generateContent", kGemini, 7), "/v1beta/models/new:generateContent");
  EXPECT_EQ(renamed("/v1beta/models/%6dodels:generateContent", kGemini, 7), "/v1beta/models/new:generateContent");
}

// Found by the fuzz target `path`: the last place that said the name was the endpoint's, and the
// provider was asked for a path it doesn't have.
TEST(ModelName, IsNotTheEndpointOfTheSameName) {
  EXPECT_EQ(renamed("/openai/deployments/embeddings/embeddings?api-version=1", DialectName::azure),
            "/openai/deployments/new/embeddings?api-version=1");
  EXPECT_EQ(renamed("/openai/deployments/chat/chat/completions", DialectName::azure),
            "/openai/deployments/new/chat/completions");
}

// It was escaped into one segment, which Replicate doesn't know.
TEST(ModelName, OfTwoSegmentsStaysSo) {
  EXPECT_EQ(renamed("/v1/models/a/b/predictions", DialectName::openai, 0, "c/d"), "/v1/models/c/d/predictions");
  EXPECT_EQ(renamed("/v1/models/a/b/predictions", DialectName::openai, 0, "c"), "-");
}

TEST(ModelName, StandsInTheBodyOtherwise) {
  std::string target = "/v1/chat/completions", body = R"({"a":"model","model":"x","n":1})";
  EXPECT_TRUE(replace_model(dialect_for(DialectName::openai), "POST", {}, "x", "y\"z", 0, target, body));
  EXPECT_EQ(body, R"({"a":"model","model":"y\"z","n":1})");
  body = R"({"model":7})";
  EXPECT_FALSE(replace_model(dialect_for(DialectName::openai), "POST", {}, "x", "y", 0, target, body));
}

}  // namespace
}  // namespace farebox
