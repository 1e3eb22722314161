// dialects: what an operator may say of an API that farebox doesn't know.
#include <gtest/gtest.h>

#include "config/changes.hpp"
#include "config/json_pointer.hpp"
#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

using Says = DescribedDialect::Says;

std::string example() {
  return content_of(FAREBOX_SOURCE_DIR "/config/examples/described.yaml");
}

const JsonPointer* pointer_of(const std::vector<DescribedDialect::Member>& members, Says what) {
  for (const auto& member : members) {
    if (member.what == what) return &member.at;
  }
  return nullptr;
}

TEST(JsonPointers, AreReadAsTheStandardSays) {
  EXPECT_EQ(*parse_json_pointer("/usage/input_tokens"), (JsonPointer{"usage", "input_tokens"}));
  EXPECT_EQ(*parse_json_pointer("/"), (JsonPointer{""}));
  EXPECT_EQ(*parse_json_pointer("/a//0"), (JsonPointer{"a", "", "0"}));
  EXPECT_EQ(*parse_json_pointer("/a~1b/~01"), (JsonPointer{"a/b", "~1"}));
  for (const char* wrong : {"", "usage", "#/usage", "/a~", "/a~2", "/~"}) {
    EXPECT_FALSE(parse_json_pointer(wrong)) << wrong;
  }
  std::string deep;
  for (std::size_t i = 0; i < kDeepestPointer; ++i) deep += "/a";
  EXPECT_TRUE(parse_json_pointer(deep));
  EXPECT_FALSE(parse_json_pointer(deep + "/a"));
}

TEST(Dialects, TheExampleIsReadAsItStands) {
  const LoadResult result = load_whole(example());
  EXPECT_EQ(lines_of(result.errors), "");
  EXPECT_EQ(lines_of(result.warnings), "");
  ASSERT_EQ(result.settings.dialects.size(), 1u);
  const DescribedDialect& acme = result.settings.dialects[0];
  EXPECT_EQ(acme.name, "acme");
  EXPECT_EQ(acme.base, DialectName::openai);
  ASSERT_EQ(acme.paths.size(), 4u);
  EXPECT_EQ(acme.paths[1].path, "/v9/models/{model}/stream");
  EXPECT_EQ(acme.paths[1].streams, DescribedDialect::Streams::always);
  EXPECT_EQ(acme.paths[3].method, "GET");
  EXPECT_EQ(acme.credential_header, "x-acme-key");
  EXPECT_EQ(acme.credential_scheme, "");
  EXPECT_EQ(*pointer_of(acme.request, Says::max_output_tokens), (JsonPointer{"limits", "tokens"}));
  EXPECT_EQ(*pointer_of(acme.reply, Says::reasoning_tokens), (JsonPointer{"bill", "thought"}));
  EXPECT_EQ(*pointer_of(acme.reply, Says::stream_end), (JsonPointer{"over"}));
  EXPECT_EQ(acme.end_equals, "true");
  EXPECT_TRUE(acme.cached_in_input);
  EXPECT_FALSE(acme.reasoning_in_output);
  ASSERT_EQ(result.settings.providers.size(), 1u);
  EXPECT_EQ(result.settings.providers[0].described, acme);
}

TEST(Dialects, AProviderSpeaksTheOneOfItsNameOrTheOneItNames) {
  const std::string dialects =
      "dialects: {acme: {base: anthropic, paths: [{path: /x}], reply: {input_tokens: /i, "
      "output_tokens: /o}, credential: {header: X-Key, scheme: Token}}}\n";
  const Settings settings = load_whole(dialects +
                                       "providers: {acme: {base_url: http://x}, b: {base_url: "
                                       "http://y, dialect: acme}, c: {base_url: http://z}, "
                                       "d: {base_url: http://w, dialect: gemini}}")
                                .settings;
  ASSERT_EQ(settings.providers.size(), 4u);
  for (const std::size_t i : {0u, 1u}) {
    ASSERT_TRUE(settings.providers[i].described.has_value());
    EXPECT_EQ(settings.providers[i].dialect, DialectName::anthropic);
    EXPECT_EQ(settings.providers[i].described->credential_header, "x-key");
    EXPECT_EQ(settings.providers[i].described->credential_scheme, "Token ");
  }
  EXPECT_FALSE(settings.providers[2].described.has_value());
  EXPECT_FALSE(settings.providers[3].described.has_value());
  EXPECT_EQ(settings.providers[3].dialect, DialectName::gemini);
}

TEST(Dialects, AReloadNamesTheDialectAndWhoSpeaksIt) {
  const std::string text = example();
  const Settings running = load_whole(text).settings;
  std::string other = text;
  other.replace(other.find("input_tokens: /bill/read"), 24, "input_tokens: /bill/seen");
  Settings wanted = load_whole(other).settings;
  const Changes changes = settle_changes(running, wanted);
  EXPECT_EQ(changes.applied, (std::vector<std::string>{"dialects", "providers.acme"}));
  EXPECT_TRUE(changes.needs_restart.empty());
}

}  // namespace
}  // namespace farebox
