// alerts: where they go.
#include <fmt/format.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <set>

#include "config/load_sections.hpp"

namespace farebox {

namespace {

using Kind = AlertChannel::Kind;
using Security = AlertChannel::Security;

constexpr std::array<Choice<Kind>, 5> kKinds{{{"webhook", Kind::webhook},
                                              {"slack", Kind::slack},
                                              {"teams", Kind::teams},
                                              {"pagerduty", Kind::pagerduty},
                                              {"email", Kind::email}}};
constexpr std::array<Choice<AlertLevel>, 3> kLevels{{{"info", AlertLevel::info},
                                                     {"warning", AlertLevel::warning},
                                                     {"critical", AlertLevel::critical}}};
constexpr std::array<Choice<Security>, 3> kSecurity{
    {{"starttls", Security::starttls}, {"tls", Security::tls}, {"none", Security::none}}};

constexpr const char* kPagerDuty = "https://events.pagerduty.com/v2/enqueue";
// Each is told of every alert.
constexpr std::size_t kMostChannels = 16;
constexpr std::size_t kMostRecipients = 50;
constexpr std::size_t kLeastSecret = 16;

Error refusal(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

// It is written into a header and an SMTP command.
Result<void> mail_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("<>(),;:\\\"[]").find(c) == std::string_view::npos;
  });
  if (!plain || at == std::string_view::npos || at == 0 || at + 1 == text.size() ||
      text.size() > 254) {
    return refusal("it is no mail address; write it bare, like ops@example.com");
  }
  return {};
}

Result<void> host_name(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == ':';
  });
  if (text.empty() || !plain || text.size() > 253) {
    return refusal("it is no host name; write it like smtp.example.com, and its port as port:");
  }
  return {};
}

Result<void> hook_url(std::string_view text) {
  const auto url = boost::urls::parse_uri({text.data(), text.size()});
  const bool scheme = url && (url->scheme() == "https" || url->scheme() == "http");
  if (!scheme || url->encoded_host().empty()) {
    return refusal("it is no URL of a web server; write the whole of it, https://... ");
  }
  if (url->has_userinfo() || url->has_fragment()) {
    return refusal("it holds a user or a fragment, which are never sent; remove them");
  }
  return {};
}

// A URL may hold a secret, so it is never shown.
void read_url(MapReader& keys, AlertChannel& channel) {
  const bool needs = channel.kind != Kind::pagerduty;
  const char* const said_at = keys.has("url_file") ? "url_file" : "url";
  if (needs && !keys.has("url_file")) keys.require("url", "url: \"${ALERT_URL}\", or url_file");
  keys.secret({"url", "url_file"}, channel.url);
  if (keys.is_broken(said_at)) return;
  if (channel.url.empty() && keys.has(said_at)) {
    return keys.refuse(said_at, "is empty; write the address that the receiver gave you");
  }
  if (channel.url.empty() && !needs) channel.url = Secret(kPagerDuty);
  if (channel.url.empty()) return;
  if (const auto checked = hook_url(channel.url.reveal()); !checked) {
    keys.refuse(said_at, fmt::format("can't be used, {}", checked.error().context));
  }
}

void read_web(MapReader& keys, AlertChannel& channel) {
  read_url(keys, channel);
  keys.read("allow_link_local", channel.allow_link_local);
  const bool pages = channel.kind == Kind::pagerduty;
  if (!pages && channel.kind != Kind::webhook) return;
  const bool from_file = keys.has(pages ? "routing_key_file" : "secret_file");
  const char* const plain = pages ? "routing_key" : "secret";
  if (pages && !from_file) {
    keys.require("routing_key", "routing_key: \"${PAGERDUTY_ROUTING_KEY}\", or routing_key_file");
  }
  if (pages) keys.secret({"routing_key", "routing_key_file"}, channel.secret);
  else keys.secret({"secret", "secret_file"}, channel.secret);
  const char* const said_at = from_file ? (pages ? "routing_key_file" : "secret_file") : plain;
  if (keys.has(said_at) && !keys.is_broken(said_at) && channel.secret.size() < kLeastSecret) {
    keys.refuse(said_at, fmt::format("is shorter than {} characters, so it could be guessed; make "
                                     "one with `openssl rand -hex 32`", kLeastSecret));
  }
}

void read_mail(MapReader& keys, AlertChannel& channel) {
  keys.require("host", "host: smtp.example.com");
  keys.read("host", channel.smtp_host, host_name);
  keys.read("security", channel.security, kSecurity);
  keys.read("port", channel.smtp_port, Count{1, 65'535});
  if (channel.smtp_port == 0) channel.smtp_port = channel.security == Security::tls ? 465 : 587;
  keys.read("username", channel.username, some_text);
  keys.secret({"password", "password_file"}, channel.password);
  keys.require("from", "from: farebox@example.com");
  keys.read("from", channel.from, mail_address);
  keys.require("to", "to: [ops@example.com]");
  keys.read("to", channel.to, mail_address);
  if (keys.has("to") && !keys.is_broken("to") &&
      (channel.to.empty() || channel.to.size() > kMostRecipients)) {
    keys.refuse("to", fmt::format("must name 1 to {} addresses; write [ops@example.com]",
                                  kMostRecipients));
  }
  const bool has_password = keys.has("password") || keys.has("password_file");
  if (keys.has("username") != has_password) {
    keys.refuse(has_password ? "password" : "username",
                "needs both, username and password; add the other one");
  }
  if (channel.security == Security::none && has_password) {
    keys.refuse("security", "is none, which would send the password in clear; write starttls or tls");
  }
}

void read_channel(MapReader& keys, AlertChannel& channel) {
  keys.require("name", "name: and a name that lists and metrics may show");
  keys.read("name", channel.name, name_text);
  keys.require("type", "type: webhook, slack, teams, pagerduty or email");
  keys.read("type", channel.kind, kKinds);
  keys.read("at_least", channel.at_least, kLevels);
  // Whom a machine reads must know; people have the text in front of them.
  channel.resolved = channel.kind == Kind::webhook || channel.kind == Kind::pagerduty;
  keys.read("resolved", channel.resolved);
  keys.read("ca_file", channel.ca_file, readable_file);
  if (channel.kind == Kind::email) read_mail(keys, channel);
  else read_web(keys, channel);
}

}  // namespace

void read_alerts(MapReader& root, AlertSettings& alerts) {
  std::set<std::string> names;
  root.map("alerts", [&](MapReader& section) {
    section.list("channels", [&](const ValueReader& item) {
      if (alerts.channels.size() == kMostChannels) {
        return item.refuse_unseen(fmt::format("is one channel too many, {} can be served; remove "
                                              "some", kMostChannels));
      }
      AlertChannel& channel = alerts.channels.emplace_back();
      item.map([&](MapReader& keys) {
        read_channel(keys, channel);
        if (!channel.name.empty() && !names.insert(channel.name).second) {
          keys.refuse("name", fmt::format("is {}, an earlier channel has the same name; names are "
                                          "unique, choose another", in_quotes(channel.name)));
        }
      });
    });
  });
}

}  // namespace farebox
