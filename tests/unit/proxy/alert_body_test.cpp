#include "proxy/alert_body.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <nlohmann/json.hpp>

#include "proxy/alert_sender.hpp"

namespace farebox {
namespace {

using nlohmann::json;
using Kind = AlertChannel::Kind;

const WallTime kNow = WallTime(std::chrono::seconds(1'800'000'000));

StoredAlert alert() {
  StoredAlert made;
  made.id = "alt-1";
  made.change.kind = AlertKind::budget_critical;
  made.change.subject = "a&b";
  made.title = "Budget <!channel> is at 95 %";
  made.text = "Spent [here](http://x) & there.";
  made.fired = kNow;
  return made;
}

AlertChannel channel(Kind kind) {
  AlertChannel made;
  made.name = "ops";
  made.kind = kind;
  made.secret = Secret("0123456789abcdef");
  made.from = "farebox@example.com";
  made.to = {"a@example.com", "b@example.com"};
  return made;
}

// openssl dgst -sha256 -hmac key, of "1800000000.{}"
TEST(AlertBody, TheSignatureIsThatOfOpenssl) {
  EXPECT_EQ(alert_signature("key", "{}", kNow),
            "t=1800000000,v1=7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f");
}

TEST(AlertBody, AWebhookSaysItAllAndIsSigned) {
  const AlertMessage message = alert_message(channel(Kind::webhook), alert(), AlertNews::fired, kNow);
  const json body = json::parse(message.body);
  EXPECT_EQ(body["version"], 1);
  EXPECT_EQ(body["id"], "alt-1");
  EXPECT_EQ(body["kind"], "budget_critical");
  EXPECT_EQ(body["level"], "critical");
  EXPECT_EQ(body["firedAt"], "2027-01-15T08:00:00.000Z");
  EXPECT_FALSE(body.contains("deliveries")) << "that is nobody else's business";
  ASSERT_EQ(message.headers.size(), 4u);
  EXPECT_EQ(message.headers[2], "x-farebox-alert-id: alt-1");
  EXPECT_EQ(message.headers[3], "x-farebox-signature: " + alert_signature("0123456789abcdef", message.body, kNow));
}

TEST(AlertBody, SlackIsToldWithoutMentions) {
  const json body = json::parse(alert_message(channel(Kind::slack), alert(), AlertNews::fired, kNow).body);
  EXPECT_EQ(body["text"], "*Budget &lt;!channel&gt; is at 95 %*\nSpent [here](http://x) &amp; there.");
}

TEST(AlertBody, TeamsGetsACardWithoutLinks) {
  const json body = json::parse(alert_message(channel(Kind::teams), alert(), AlertNews::fired, kNow).body);
  EXPECT_EQ(body["type"], "message");
  EXPECT_EQ(body["attachments"][0]["content"]["body"][1]["text"], "Spent \\[here\\](http://x) & there.");
}

TEST(AlertBody, PagerDutyGetsAnEvent) {
  const json body = json::parse(alert_message(channel(Kind::pagerduty), alert(), AlertNews::fired, kNow).body);
  EXPECT_EQ(body["routing_key"], "0123456789abcdef");
  EXPECT_EQ(body["event_action"], "trigger");
  EXPECT_EQ(body["dedup_key"], "alt-1");
  EXPECT_EQ(body["payload"]["severity"], "critical");
}

// Whoever was told is told when it is over; a pager closes what it opened.
TEST(AlertBody, TheEndIsTold) {
  StoredAlert over = alert();
  over.ended = kNow + std::chrono::minutes(90);
  const auto told = [&](Kind kind) { return alert_message(channel(kind), over, AlertNews::resolved, kNow); };
  const AlertMessage hook = told(Kind::webhook);
  EXPECT_EQ(json::parse(hook.body)["state"], "resolved");
  EXPECT_EQ(json::parse(hook.body)["id"], "alt-1");
  EXPECT_EQ(json::parse(hook.body)["endedAt"], "2027-01-15T09:30:00.000Z");
  EXPECT_EQ(hook.headers[2], "x-farebox-alert-id: alt-1-resolved") << "no repeat of the first";
  EXPECT_EQ(json::parse(told(Kind::pagerduty).body),
            (json{{"routing_key", "0123456789abcdef"}, {"event_action", "resolve"}, {"dedup_key", "alt-1"}}));
  EXPECT_EQ(json::parse(told(Kind::slack).body)["text"],
            "*Resolved: Budget &lt;!channel&gt; is at 95 %*\nWhat this told of at Jan 15 08:00 UTC is over "
            "since Jan 15 09:30 UTC.");
  const json card = json::parse(told(Kind::teams).body)["attachments"][0]["content"]["body"];
  EXPECT_EQ(card[0]["text"], "Resolved: Budget <!channel> is at 95 %");
  const std::string mail = told(Kind::email).body;
  EXPECT_NE(mail.find("Subject: [farebox] Resolved: Budget"), mail.npos) << mail;
  EXPECT_NE(mail.find("Message-ID: <alt-1-resolved@farebox.invalid>\r\nIn-Reply-To: <alt-1@farebox.invalid>"),
            mail.npos) << mail;
  EXPECT_NE(mail.find("Date: Fri, 15 Jan 2027 09:30:00 +0000"), mail.npos) << mail;
}

TEST(AlertBody, AMailIsOneWhateverNamesSay) {
  StoredAlert odd = alert();
  odd.title = "Budget \r\nBcc: everybody@example.com \xC3\xBC is at 95 %";
  const std::string mail = alert_message(channel(Kind::email), odd, AlertNews::fired, kNow).body;
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_NE(head.find("From: farebox <farebox@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\n"), head.npos);
  EXPECT_NE(head.find("Subject: =?utf-8?B?"), head.npos) << head;
  EXPECT_NE(head.find("Date: Fri, 15 Jan 2027 08:00:00 +0000"), head.npos);
  EXPECT_EQ(head.find("Bcc"), head.npos);
  for (std::size_t at = 0; at < mail.size();) {
    const std::size_t end = mail.find("\r\n", at);
    ASSERT_NE(end, mail.npos);
    EXPECT_LE(end - at, 78u);
    at = end + 2;
  }
}

TEST(AlertSender, KnowsAddressesWhereCloudsAnswer) {
  const auto is = [](const char* text) {
    sockaddr_storage storage{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) v6.sin6_family = AF_INET6;
    return is_link_local(reinterpret_cast<const sockaddr&>(storage));
  };
  for (const char* const text : {"169.254.169.254", "169.254.0.1", "fe80::1", "febf::1", "::ffff:169.254.169.254",
                                 "fd00:ec2::254", "100.100.100.200"}) {
    EXPECT_TRUE(is(text)) << text;
  }
  for (const char* const text : {"127.0.0.1", "10.0.0.1", "169.253.1.1", "::1", "fd00:ec2::255", "2001:db8::1", "100.100.100.201"}) {
    EXPECT_FALSE(is(text)) << text;
  }
}

}  // namespace
}  // namespace farebox
