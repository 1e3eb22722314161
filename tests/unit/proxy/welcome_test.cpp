#include "proxy/welcome.hpp"

#include <gmock/gmock.h>

namespace farebox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Settings builtin() {
  Settings settings;
  settings.providers = builtin_providers();
  return settings;
}

std::string text(const Settings& settings, Mode mode, Addresses addresses) {
  return welcome_text({mode, "farebox", std::move(addresses)}, settings);
}

const Addresses kUsual{"127.0.0.1:4141", "127.0.0.1:4142"};

TEST(Welcome, OfADemoNeedsNoKey) {
  const std::string said = text(builtin(), Mode::demo, kUsual);
  EXPECT_THAT(said, HasSubstr("curl -s http://127.0.0.1:4141/v1/chat/completions "));
  EXPECT_THAT(said, HasSubstr("curl -sN http://127.0.0.1:4141/v1/chat/completions "));
  EXPECT_THAT(said, HasSubstr("export OPENAI_BASE_URL=http://127.0.0.1:4141/v1 "));
  EXPECT_THAT(said, Not(HasSubstr("authorization")));
  EXPECT_THAT(said, HasSubstr("farebox usage\n"));
}

TEST(Welcome, AsksForTheCallersKeyWhereFareboxHasNone) {
  Settings settings = builtin();
  EXPECT_THAT(text(settings, Mode::serve, kUsual), HasSubstr("Bearer $OPENAI_API_KEY"));
  settings.providers[0].api_keys.emplace_back(std::string("sk-secret"));
  const std::string said = text(settings, Mode::serve, kUsual);
  EXPECT_THAT(said, Not(HasSubstr("OPENAI_API_KEY")));
  EXPECT_THAT(said, Not(HasSubstr("sk-secret")));
}

TEST(Welcome, AsksAnUnknownServerForItsModels) {
  Settings settings = builtin();
  settings.providers[0].base_url = "http://10.0.0.7:8000";
  const std::string said = text(settings, Mode::serve, kUsual);
  EXPECT_THAT(said, HasSubstr("/v1/models -H"));
  EXPECT_THAT(said, Not(HasSubstr("gpt-4o-mini")));
}

TEST(Welcome, NamesWhatIsThere) {
  Settings settings = builtin();
  settings.providers.erase(settings.providers.begin());  // anthropic and gemini are left
  const std::string said = text(settings, Mode::serve, kUsual);
  EXPECT_THAT(said, HasSubstr("/v1/messages "));
  EXPECT_THAT(said, Not(HasSubstr("OPENAI_BASE_URL")));
  settings.providers.clear();
  EXPECT_THAT(text(settings, Mode::serve, kUsual), Not(HasSubstr("curl")));
}

TEST(Welcome, AWildcardIsReachedOnLoopback) {
  const std::string said = text(builtin(), Mode::demo, {"0.0.0.0:80", "[::]:81"});
  EXPECT_THAT(said, HasSubstr("http://127.0.0.1:80/v1"));
  EXPECT_THAT(said, HasSubstr("http://[::1]:81;"));
  EXPECT_THAT(said, HasSubstr("usage --admin-listen [::1]:81\n"));
}

TEST(Welcome, AUnixSocketIsForCurlAlone) {
  const std::string said = text(builtin(), Mode::demo, {"unix:/run/farebox.sock", "127.0.0.1:4142"});
  EXPECT_THAT(said, HasSubstr("curl -s --unix-socket '/run/farebox.sock' http://localhost/v1/chat"));
  EXPECT_THAT(said, Not(HasSubstr("export")));
}

}  // namespace
}  // namespace farebox
