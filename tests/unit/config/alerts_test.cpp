// alerts: what a channel needs, and what is refused without showing a secret.
#include <gtest/gtest.h>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

using Kind = AlertChannel::Kind;

LoadResult load_channel(const std::string& channel, const Variables& variables = {}) {
  return load_whole("alerts: {channels: [" + channel + "]}", variables);
}

TEST(Alerts, EveryTypeHasItsDefaults) {
  const auto result = load_whole(R"(
alerts:
  channels:
    - {name: hook, type: webhook, url: "http://127.0.0.1:9000/x?y=z"}
    - {name: chat, type: slack, url: "https://hooks.slack.example/services/a/b"}
    - {name: teams, type: teams, url: "https://prod.example/workflows/1?sig=2"}
    - {name: pager, type: pagerduty, routing_key: "0123456789abcdef0123456789abcdef"}
    - {name: mail, type: email, host: smtp.example.com, from: a@example.com, to: [b@example.com]}
    - {name: mail2, type: email, host: "::1", security: tls, from: a@example.com, to: [b@example.com]}
)");
  EXPECT_EQ(lines_of(result.errors), "");
  const auto& channels = result.settings.alerts.channels;
  ASSERT_EQ(channels.size(), 6u);
  EXPECT_EQ(channels[0].kind, Kind::webhook);
  EXPECT_EQ(channels[0].at_least, AlertLevel::info);
  EXPECT_FALSE(channels[0].allow_link_local);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    EXPECT_EQ(channels[i].resolved, i == 0 || i == 3) << channels[i].name << ": programs are told of the end";
  }
  EXPECT_EQ(channels[3].url.reveal(), "https://events.pagerduty.com/v2/enqueue");
  EXPECT_EQ(channels[4].smtp_port, 587u);
  EXPECT_EQ(channels[4].security, AlertChannel::Security::starttls);
  EXPECT_EQ(channels[5].smtp_port, 465u);
}

TEST(Alerts, WhoIsToldOfTheEndCanBeSaid) {
  EXPECT_TRUE(load_channel("{name: a, type: slack, url: https://h/x, resolved: true}").settings.alerts.channels[0].resolved);
  EXPECT_FALSE(load_channel("{name: a, type: webhook, url: https://h/x, resolved: false}").settings.alerts.channels[0].resolved);
  EXPECT_NE(lines_of(load_channel("{name: a, type: webhook, url: https://h/x, resolved: maybe}").errors), "");
}

TEST(Alerts, WhatCantBeUsedIsRefusedWithoutShowingIt) {
  const std::pair<const char*, const char*> rows[] = {
      {"{type: slack, url: https://h/x}", "has no 'name'"},
      {"{name: a, url: https://h/x}", "has no 'type'"},
      {"{name: a, type: sms, url: https://h/x}", "it must be one of webhook, slack"},
      {"{name: a, type: slack}", "has no 'url'"},
      {"{name: a, type: slack, url: \"\"}", "url is empty"},
      {"{name: a, type: slack, url: hooks.example/hunter2}", "it is no URL of a web server"},
      {"{name: a, type: slack, url: \"ftp://h/hunter2\"}", "it is no URL of a web server"},
      {"{name: a, type: slack, url: \"https://u:hunter2@h/x\"}", "holds a user or a fragment"},
      {"{name: a, type: slack, url: https://h/x, secret: abc}", "unknown key 'secret'"},
      {"{name: a, type: webhook, url: https://h/x, secret: hunter2}", "is shorter than 16 characters"},
      {"{name: a, type: pagerduty}", "has no 'routing_key'"},
      {"{name: a, type: email, from: a@b, to: [c@d]}", "has no 'host'"},
      {"{name: a, type: email, host: h, to: [c@d]}", "has no 'from'"},
      {"{name: a, type: email, host: h, from: a@b}", "has no 'to'"},
      {"{name: a, type: email, host: h, from: a@b, to: []}", "must name 1 to 50 addresses"},
      {"{name: a, type: email, host: h, from: \"A <a@b>\", to: [c@d]}", "it is no mail address"},
      {"{name: a, type: email, host: \"smtp://h\", from: a@b, to: [c@d]}", "it is no host name"},
      {"{name: a, type: email, host: h, from: a@b, to: [c@d], username: u}", "needs both, username and password"},
      {"{name: a, type: email, host: h, from: a@b, to: [c@d], username: u, password: hunter2, security: none}", "would send the password in clear"},
      {"{name: a, type: email, host: h, from: a@b, to: [c@d], url: https://h}", "unknown key 'url'"},
      {"{name: a, type: slack, url: https://h/x}, {name: a, type: slack, url: https://h/y}", "names are unique"},
  };
  for (const auto& [channel, why] : rows) {
    const auto result = load_channel(channel);
    const std::string said = lines_of(result.errors);
    EXPECT_NE(said.find(why), said.npos) << channel << "\n" << said;
    EXPECT_EQ(said.find("hunter2"), said.npos) << said;
  }
}

TEST(Alerts, SecretsComeFromTheEnvironmentAndCountAsSuch) {
  const auto result = load_channel("{name: a, type: slack, url: \"${HOOK}\"}", {{"HOOK", "https://h/secret-path"}});
  EXPECT_EQ(lines_of(result.errors), "");
  EXPECT_EQ(result.settings.alerts.channels[0].url.reveal(), "https://h/secret-path");
  EXPECT_TRUE(result.secret_variables.contains("HOOK"));
}

TEST(Alerts, GoThroughTheProxyThatProvidersGoThrough) {
  const std::string channel = "alerts: {channels: [{name: a, type: slack, url: https://hooks.example/x}]}\n";
  const Variables proxied{{"HTTPS_PROXY", "http://proxy.example:3128"}};
  EXPECT_EQ(shown(*load_whole(channel, proxied).settings.alerts.channels[0].proxy), "proxy.example:3128");
  EXPECT_FALSE(load_whole(channel + "upstream_proxy: none", proxied).settings.alerts.channels[0].proxy);
  EXPECT_FALSE(load_whole(channel, {{"HTTPS_PROXY", "http://proxy.example:3128"}, {"NO_PROXY", "hooks.example"}})
                   .settings.alerts.channels[0].proxy);
  EXPECT_EQ(shown(*load_whole(channel + "upstream_proxy: http://other.example:1").settings.alerts.channels[0].proxy), "other.example:1");
}

}  // namespace
}  // namespace farebox
