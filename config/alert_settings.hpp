// AlertSettings: where alerts are delivered besides the log and the metrics. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/base/secret.hpp"
#include "config/proxy_address.hpp"

namespace farebox {

enum class AlertLevel : std::uint8_t { info, warning, critical };

struct AlertChannel {
  bool operator==(const AlertChannel&) const = default;
  enum class Kind : std::uint8_t { webhook, slack, teams, pagerduty, email };
  // How an SMTP server is spoken to: TLS after STARTTLS (RFC 3207), TLS from the first octet
  // (RFC 8314), or in clear.
  enum class Security : std::uint8_t { starttls, tls, none };

  std::string name;  // in the API, the log and metrics
  Kind kind = Kind::webhook;
  AlertLevel at_least = AlertLevel::info;  // lesser ones aren't sent here
  bool resolved = true;  // told when what an alert told of is over; by default not of chat and mail
  // Of all but email. A secret: whoever knows Slack's may write to the channel.
  Secret url;
  Secret secret;  // webhook: signs; pagerduty: the routing key
  // PEM, trusted instead of the system's store; empty: that one.
  std::string ca_file;
  // The address may be link-local, where clouds answer with credentials (169.254.169.254).
  bool allow_link_local = false;
  // Of email.
  std::string smtp_host;
  std::uint32_t smtp_port = 0;  // 0: 587, or 465 with `tls`
  Security security = Security::starttls;
  std::string username;
  Secret password;
  std::string from;
  std::vector<std::string> to;
  // What follows from upstream_proxy and the environment: see check_whole. Not of email.
  std::optional<ProxyAddress> proxy;
};

struct AlertSettings {
  bool operator==(const AlertSettings&) const = default;
  std::vector<AlertChannel> channels;
};

std::string_view name_of(AlertChannel::Kind kind);
std::string_view name_of(AlertLevel level);

}  // namespace farebox
