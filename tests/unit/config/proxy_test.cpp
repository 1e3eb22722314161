// Which proxy a provider is reached through: the URL, the keys, the environment.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

// "host:port", with "tls " in front and the authorization behind; or the reason.
std::string read(std::string_view url) {
  const auto proxy = parse_proxy_url(url);
  if (!proxy) return "refused";
  std::string text = (proxy->tls ? "tls " : "") + shown(*proxy);
  if (!proxy->authorization.empty()) text += " " + std::string(proxy->authorization.reveal());
  return text;
}

struct Url {
  const char* text;
  const char* expected;
};

TEST(ProxyUrl, IsTakenApart) {
  const Url rows[] = {
      {"http://proxy:3128", "proxy:3128"},
      {"http://proxy:3128/", "proxy:3128"},
      {"http://proxy", "proxy:80"},
      {"https://proxy", "tls proxy:443"},
      {"HTTP://Proxy:3128", "Proxy:3128"},
      {"proxy:3128", "proxy:3128"},
      {"joe:secret@proxy:3128", "proxy:3128 Basic am9lOnNlY3JldA=="},
      {"http://10.1.2.3:8080", "10.1.2.3:8080"},
      {"http://[fd00::1]:8080", "[fd00::1]:8080"},
      {"http://joe:secret@proxy:3128", "proxy:3128 Basic am9lOnNlY3JldA=="},
      {"http://joe@proxy:3128", "proxy:3128 Basic am9lOg=="},
      {"http://joe:@proxy:3128", "proxy:3128 Basic am9lOg=="},
      {"http://:secret@proxy:3128", "proxy:3128 Basic OnNlY3JldA=="},
      {"http://joe:p%40ss%3Aw%2Frd@proxy:3128", "proxy:3128 Basic am9lOnBAc3M6dy9yZA=="},
      {"http://joe:a:b@proxy:3128", "proxy:3128 Basic am9lOmE6Yg=="},
      {"", "refused"},
      {"http://", "refused"},
      {"http://joe:secret@", "refused"},
      {"socks5://proxy:1080", "refused"},
      {"http://proxy:0", "refused"},
      {"http://proxy:65536", "refused"},
      {"http://proxy:3128/path", "refused"},
      {"http://proxy:3128?x", "refused"},
      {"http://proxy:3128#x", "refused"},
      {"http://joe:sec ret@proxy:3128", "refused"},
      {"http://joe:a%0d%0ab@proxy:3128", "refused"},
      {"http://j%3Ae:x@proxy:3128", "refused"},
      {"http://pro%78y:3128", "refused"},
  };
  for (const Url& row : rows) EXPECT_EQ(read(row.text), row.expected) << row.text;
}

// The proxy of the only provider, "direct" without one.
std::string chosen(std::string_view base_url, const std::string& keys, const Variables& variables) {
  const LoadResult result = load_whole("providers: {p: {base_url: \"" + std::string(base_url) +
                                           "\"" + (keys.empty() ? "" : ", " + keys) + "}}\n",
                                       variables);
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  const auto& proxy = result.settings.providers.at(0).proxy;
  return proxy ? shown(*proxy) : "direct";
}

struct Row {
  const char* base_url;
  Variables variables;
  const char* expected;
};

TEST(ProxyEnvironment, DecidesWhereNothingElseIsSaid) {
  const char* const kTls = "https://api.example";
  const char* const kPlain = "http://api.example:8000/v1";
  const Row rows[] = {
      {kTls, {}, "direct"},
      {kTls, {{"HTTPS_PROXY", "http://a:1"}}, "a:1"},
      {kTls, {{"https_proxy", "http://a:1"}}, "a:1"},
      {kTls, {{"https_proxy", "http://a:1"}, {"HTTPS_PROXY", "http://b:2"}}, "a:1"},
      {kTls, {{"https_proxy", ""}, {"HTTPS_PROXY", "http://b:2"}}, "b:2"},
      {kTls, {{"HTTPS_PROXY", "a:1"}}, "a:1"},
      {kTls, {{"ALL_PROXY", "http://a:1"}}, "a:1"},
      {kTls, {{"all_proxy", "http://a:1"}, {"HTTPS_PROXY", "http://b:2"}}, "b:2"},
      {kTls, {{"http_proxy", "http://a:1"}}, "direct"},
      {kTls, {{"HTTPS_PROXY", ""}}, "direct"},
      {kPlain, {{"HTTPS_PROXY", "http://a:1"}}, "direct"},
      {kPlain, {{"http_proxy", "http://a:1"}}, "a:1"},
      {kPlain, {{"HTTP_PROXY", "http://a:1"}}, "direct"},  // httpoxy
      {kPlain, {{"ALL_PROXY", "http://a:1"}}, "a:1"},
      {kTls, {{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", ".example"}}, "direct"},
      {kTls, {{"HTTPS_PROXY", "http://a:1"}, {"no_proxy", "api.example:443"}}, "direct"},
      {kTls, {{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "api.example:444"}}, "a:1"},
      {kTls, {{"HTTPS_PROXY", "http://a:1"}, {"no_proxy", "x"}, {"NO_PROXY", "*"}}, "a:1"},
      {kPlain, {{"http_proxy", "http://a:1"}, {"NO_PROXY", "api.example:8000"}}, "direct"},
      // Loopback is reached from here only.
      {"https://localhost", {{"HTTPS_PROXY", "http://a:1"}}, "direct"},
      {"https://api.localhost", {{"HTTPS_PROXY", "http://a:1"}}, "direct"},
      {"https://127.0.0.1:8443", {{"ALL_PROXY", "http://a:1"}}, "direct"},
      {"http://[::1]:8000", {{"http_proxy", "http://a:1"}}, "direct"},
      {"https://[fd00::1]:8000", {{"HTTPS_PROXY", "http://a:1"}}, "a:1"},
      {"https://[fd00::1]:8000", {{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "fd00::/8"}}, "direct"},
  };
  for (const Row& row : rows) {
    std::string said;
    for (const auto& [name, value] : row.variables) said += name + "=" + value + " ";
    EXPECT_EQ(chosen(row.base_url, "", row.variables), row.expected) << row.base_url << " " << said;
  }
}

TEST(UpstreamProxy, IsMeantWhereItIsSaid) {
  const Variables everything{{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "*"}};
  EXPECT_EQ(chosen("https://api.example", "upstream_proxy: \"http://b:2\"", everything), "b:2");
  EXPECT_EQ(chosen("http://127.0.0.1:8000", "upstream_proxy: \"http://b:2\"", everything), "b:2");
  const Variables only{{"HTTPS_PROXY", "http://a:1"}};
  EXPECT_EQ(chosen("https://api.example", "upstream_proxy: none", only), "direct");
  EXPECT_EQ(chosen("https://api.example", "upstream_proxy: \"\"", only), "direct");

  const LoadResult result = load_whole(
      "upstream_proxy: http://joe:pass@top:3128\n"
      "providers:\n"
      "  all: {base_url: \"https://a.example\"}\n"
      "  loopback: {base_url: \"http://127.0.0.1:8000\"}\n"
      "  own: {base_url: \"https://b.example\", upstream_proxy: \"https://own\"}\n"
      "  straight: {base_url: \"https://c.example\", upstream_proxy: \"\"}\n",
      everything);
  ASSERT_TRUE(result.ok()) << lines_of(result.errors);
  const auto& providers = result.settings.providers;
  EXPECT_EQ(shown(*providers[0].proxy), "top:3128");
  EXPECT_EQ(providers[0].proxy->authorization.reveal(), "Basic am9lOnBhc3M=");
  EXPECT_EQ(shown(*providers[1].proxy), "top:3128");
  EXPECT_EQ(shown(*providers[2].proxy), "own:443");
  EXPECT_TRUE(providers[2].proxy->tls);
  EXPECT_FALSE(providers[3].proxy);
}

TEST(UpstreamProxy, EmptyOrAbsentAtTheTopLetsTheEnvironmentDecide) {
  const Variables variables{{"HTTPS_PROXY", "http://a:1"}};
  for (const char* text : {"via: true", "upstream_proxy: \"\"", "upstream_proxy_file: \"\""}) {
    const LoadResult result = load_whole(text, variables);
    ASSERT_TRUE(result.settings.providers[0].proxy) << text;
    EXPECT_EQ(result.settings.providers[0].proxy->said_by, "HTTPS_PROXY");
  }
  EXPECT_FALSE(load_whole("upstream_proxy: none", variables).settings.providers[0].proxy);
}

TEST(ProxyEnvironment, ThatPointsAtFareboxIsIgnoredWithOneLine) {
  const char* const ours[][2] = {
      {"127.0.0.1:4141", "http://127.0.0.1:4141"}, {"127.0.0.1:4141", "http://localhost:4141"},
      {"0.0.0.0:4141", "http://127.0.0.1:4141"},   {"[::1]:4141", "http://[::1]:4141/"},
      {"localhost:4141", "http://127.0.0.1:4141"}, {"10.9.8.7:4141", "http://10.9.8.7:4141"},
      {"[::]:4141", "http://localhost:4141"},
  };
  for (const auto& [listen, proxy] : ours) {
    const LoadResult result =
        load_whole("listen: \"" + std::string(listen) + "\"",
                   {{"HTTPS_PROXY", proxy}, {"ALL_PROXY", proxy}});
    for (const auto& provider : result.settings.providers) EXPECT_FALSE(provider.proxy) << listen;
    ASSERT_EQ(result.warnings.size(), 1u) << listen << lines_of(result.warnings);
    EXPECT_EQ(to_line(result.warnings[0]),
              "environment: warning: HTTPS_PROXY, ALL_PROXY points at farebox itself, which listens "
              "on '" + std::string(listen) +
                  "', so it is ignored; set upstream_proxy to use another proxy, or to 'none' to "
                  "use none");
  }
  const char* const others[][2] = {
      {"127.0.0.1:4141", "http://127.0.0.1:4142"}, {"127.0.0.1:4141", "http://proxy:4141"},
      {"10.9.8.7:4141", "http://127.0.0.1:4141"},  {"0.0.0.0:4141", "http://proxy.example:4141"},
  };
  for (const auto& [listen, proxy] : others) {
    const LoadResult result =
        load_whole("listen: \"" + std::string(listen) + "\"", {{"HTTPS_PROXY", proxy}});
    EXPECT_TRUE(result.settings.providers[0].proxy) << listen << " " << proxy;
  }
  // What the operator says himself is meant.
  EXPECT_TRUE(load_whole("upstream_proxy: http://127.0.0.1:4141").settings.providers[0].proxy);
}

TEST(ProxyEnvironment, ThatCantBeUsedIsAWarningWithoutItsPassword) {
  const LoadResult result = load_whole("via: true", {{"ALL_PROXY", "socks5://joe:hunter2@a:1"}});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(lines_of(result.warnings),
            "environment: warning: ALL_PROXY can't be used and is ignored, it is a proxy of another "
            "kind, and only HTTP proxies are spoken to; write http://HOST:PORT or "
            "https://HOST:PORT\n");
}

TEST(Secrets, TellWhichVariablesTheyCameFrom) {
  const LoadResult result = load_whole(
      "admin: {token: \"${TOKEN}\"}\nvia: ${VIA}\nupstream_proxy: \"http://joe:${PASS:-x}@p:1\"\n"
      "providers: {p: {base_url: \"${URL}\", api_keys: [\"a${KEY}b\", \"$${NOT}\"]}}\n",
      {{"TOKEN", "t"}, {"VIA", "true"}, {"PASS", "p"}, {"URL", "https://a.example"}, {"KEY", "k"},
       {"HTTPS_PROXY", "http://joe:pass@proxy:1"}, {"ALL_PROXY", "http://proxy:1"},
       {"FAREBOX_ADMIN_TOKEN", "u"}});
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.secret_variables,
            (std::set<std::string, std::less<>>{"FAREBOX_ADMIN_TOKEN", "HTTPS_PROXY", "KEY", "PASS",
                                                "TOKEN"}));
}

TEST(HideVariables, OverwritesTheValuesAndGoesOnKnowingThem) {
  char own[] = "FAREBOX_TEST_SECRET=hunter2-in-place";
  ASSERT_EQ(::putenv(own), 0);
  hide_variables({"FAREBOX_TEST_SECRET", "FAREBOX_TEST_ABSENT"});
  EXPECT_EQ(std::getenv("FAREBOX_TEST_SECRET"), nullptr);
  EXPECT_EQ(std::string(own, sizeof own).find("hunter2"), std::string::npos);
  EXPECT_EQ(process_environment()("FAREBOX_TEST_SECRET"), "hunter2-in-place");
  EXPECT_EQ(process_environment()("FAREBOX_TEST_ABSENT"), std::nullopt);
  // A second time, with nothing there any more, forgets nothing.
  hide_variables({"FAREBOX_TEST_SECRET"});
  EXPECT_EQ(process_environment()("FAREBOX_TEST_SECRET"), "hunter2-in-place");
}

}  // namespace
}  // namespace farebox
