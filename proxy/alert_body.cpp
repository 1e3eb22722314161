#include "proxy/alert_body.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "config/base/json_writer.hpp"
#include "policy/alert_text.hpp"
#include "proxy/version.hpp"

namespace farebox {
namespace {

using Kind = AlertChannel::Kind;

std::string webhook_body(const StoredAlert& alert, AlertNews news) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("version").number(std::uint64_t{1});
  append_alert_facts(json, alert, news);
  json.end_object();
  return body;
}

// Names come from callers: none of them may mention a channel or draw a link.
// https://api.slack.com/reference/surfaces/formatting#escaping
std::string for_slack(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

std::string slack_body(const StoredAlert& alert) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("text").string(fmt::format("*{}*\n{}", for_slack(alert.title), for_slack(alert.text)));
  json.end_object();
  return body;
}

// The Markdown of Adaptive Cards.
std::string for_teams(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("[]*_\\`").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string teams_body(const StoredAlert& alert) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("type").string("message");
  json.key("attachments").begin_array().begin_object();
  json.key("contentType").string("application/vnd.microsoft.card.adaptive");
  json.key("contentUrl").null();
  json.key("content").begin_object();
  json.key("$schema").string("http://adaptivecards.io/schemas/adaptive-card.json");
  json.key("type").string("AdaptiveCard").key("version").string("1.4");
  json.key("body").begin_array();
  json.begin_object().key("type").string("TextBlock").key("text").string(for_teams(alert.title));
  json.key("weight").string("Bolder").key("size").string("Medium").key("wrap").boolean(true);
  json.end_object();
  json.begin_object().key("type").string("TextBlock").key("text").string(for_teams(alert.text));
  json.key("wrap").boolean(true).end_object();
  json.end_array().end_object().end_object().end_array().end_object();
  return body;
}

// Events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
std::string pagerduty_body(const AlertChannel& channel, const StoredAlert& alert, AlertNews news) {
  const bool over = news == AlertNews::resolved;
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("routing_key").string(channel.secret.reveal());
  json.key("event_action").string(over ? "resolve" : "trigger");
  json.key("dedup_key").string(alert.id);
  if (over) {
    json.end_object();
    return body;
  }
  json.key("payload").begin_object();
  json.key("summary").string(alert.title, 1'024);
  json.key("source").string("farebox");
  json.key("severity").string(name_of(level_of(alert.change.kind)));
  json.key("timestamp").string(rfc3339(alert.fired));
  json.key("custom_details").begin_object();
  append_alert_facts(json, alert);
  json.end_object().end_object().end_object();
  return body;
}

std::string base64(std::string_view octets) {
  std::string out(4 * ((octets.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(octets.data()),
                                   static_cast<int>(octets.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

// Encoded words (RFC 2047) of whole UTF-8 characters, folded; plain ASCII stays as it is.
std::string subject_of(std::string_view title) {
  constexpr std::size_t kMostPlain = 200, kPiece = 42;
  const bool plain = std::all_of(title.begin(), title.end(), [](char c) { return c >= ' ' && c < 0x7f; });
  if (plain && title.size() <= kMostPlain && title.find("=?") == title.npos) return std::string(title);
  title = title.substr(0, kMostPlain);
  std::string out;
  while (!title.empty()) {
    std::size_t size = std::min(kPiece, title.size());
    while (size > 1 && size < title.size() && (static_cast<unsigned char>(title[size]) & 0xC0) == 0x80) --size;
    out += (out.empty() ? "" : "\r\n ") + fmt::format("=?utf-8?B?{}?=", base64(title.substr(0, size)));
    title.remove_prefix(size);
  }
  return out;
}

// "Sat, 21 Nov 2026 22:10:00 +0000" (RFC 5322, 3.3)
std::string date_of(WallTime time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time - day).count();
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDays[std::chrono::weekday(day).c_encoding()], unsigned(date.day()),
                     kMonths[(unsigned(date.month()) + 11) % 12], int(date.year()), seconds / 3'600,
                     seconds / 60 % 60, seconds % 60);
}

// What the end of an alert says: the same, and that it is over.
StoredAlert told_as_over(const StoredAlert& alert) {
  StoredAlert over = alert;
  over.title = "Resolved: " + alert.title;
  over.text = fmt::format("What this told of at {} is over since {}.", minute_text(alert.fired),
                          minute_text(alert.ended.value_or(alert.fired)));
  return over;
}

std::string mail_text(const AlertChannel& channel, const StoredAlert& alert, AlertNews news) {
  const bool over = news == AlertNews::resolved;
  const WallTime when = over ? alert.ended.value_or(alert.fired) : alert.fired;
  // Readers show both as one conversation (RFC 5322, 3.6.4).
  const std::string id = fmt::format("{}{}", alert.id, over ? "-resolved" : "");
  const std::string thread =
      over ? fmt::format("In-Reply-To: <{0}@farebox.invalid>\r\nReferences: <{0}@farebox.invalid>\r\n", alert.id)
           : std::string();
  std::string to;
  for (const std::string& each : channel.to) to += (to.empty() ? "" : ",\r\n ") + each;
  std::string mail = fmt::format(
      "From: farebox <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@farebox.invalid>\r\n{}"
      "Auto-Submitted: auto-generated\r\nX-Farebox-Alert-Id: {}\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
      channel.from, to, subject_of("[farebox] " + alert.title), date_of(when), id, thread, alert.id);
  const std::string text = base64(fmt::format("{}\r\n\r\nAlert {}, {}, {}.\r\n", alert.text, alert.id,
                                              name_of(alert.change.kind), rfc3339(when)));
  constexpr std::size_t kLine = 76;
  for (std::size_t at = 0; at < text.size(); at += kLine) {
    mail.append(text, at, kLine).append("\r\n");
  }
  return mail;
}

}  // namespace

std::string alert_signature(std::string_view secret, std::string_view body, WallTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string signed_text = fmt::format("{}.{}", seconds, body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest, &size);
  std::string text = fmt::format("t={},v1=", seconds);
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

AlertMessage alert_message(const AlertChannel& channel, const StoredAlert& said, AlertNews news,
                           WallTime now) {
  const bool over = news == AlertNews::resolved;
  const StoredAlert alert = over ? told_as_over(said) : said;
  AlertMessage message;
  if (channel.kind == Kind::email) {
    message.body = mail_text(channel, alert, news);
    return message;
  }
  switch (channel.kind) {
    case Kind::slack: message.body = slack_body(alert); break;
    case Kind::teams: message.body = teams_body(alert); break;
    case Kind::pagerduty: message.body = pagerduty_body(channel, alert, news); break;
    default: message.body = webhook_body(alert, news);
  }
  message.headers = {"content-type: application/json",
                     fmt::format("user-agent: farebox/{}", kVersion),
                     fmt::format("x-farebox-alert-id: {}{}", alert.id, over ? "-resolved" : "")};
  if (channel.kind == Kind::webhook && !channel.secret.empty()) {
    message.headers.push_back("x-farebox-signature: " +
                              alert_signature(channel.secret.reveal(), message.body, now));
  }
  return message;
}

}  // namespace farebox
