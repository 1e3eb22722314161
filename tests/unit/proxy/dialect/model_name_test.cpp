#include "proxy/dialect/model_name.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

// The target afterwards; "-" where the model isn't found.
std::string renamed(std::string target, std::string_view model, std::size_t base = 0) {
  Route route;
  route.model = model;
  std::string body;
  return replace_model(route, model, "new", base, target, body) ? target : "-";
}

TEST(ModelName, StandsInThePathBehindItsBase) {
  EXPECT_EQ(renamed("/v1beta/models/a:generateContent?b=c", "a"), "/v1beta/models/new:generateContent?b=c");
  EXPECT_EQ(renamed("/v1/models/p%2Fq/x", "p/q"), "/v1/models/new/x");
  EXPECT_EQ(renamed("/v1/models/p/q:x", "p/q"), "/v1/models/new:x");
  EXPECT_EQ(renamed("/openai/deployments/a/chat", "a"), "/openai/deployments/new/chat");
  EXPECT_EQ(renamed("/models/ab:x", "a"), "-");
  EXPECT_EQ(renamed("/x?model=/a", "a"), "-");
  // The name was found in the base path, and in the word before it.
  EXPECT_EQ(renamed("/v1beta/models/v%31beta:x", "v1beta", 7), "/v1beta/models/new:x");
  EXPECT_EQ(renamed("/v1beta/models/%6dodels:x", "models", 7), "/v1beta/models/new:x");
  EXPECT_EQ(renamed("/v1beta/x", "v1beta", 7), "-");
}

TEST(ModelName, StandsInTheBodyOtherwise) {
  std::string target = "/v1/chat/completions", body = R"({"a":"model","model":"x","n":1})";
  EXPECT_TRUE(replace_model({}, "x", "y\"z", 0, target, body));
  EXPECT_EQ(body, R"({"a":"model","model":"y\"z","n":1})");
  body = R"({"model":7})";
  EXPECT_FALSE(replace_model({}, "x", "y", 0, target, body));
}

}  // namespace
}  // namespace farebox
