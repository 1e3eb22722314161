// Who may use the admin port: reliability, X5, as a table.
#include "proxy/admin_access.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace farebox {
namespace {

AdminSettings settings(const std::string& token, const std::string& read_token = "",
                       const std::string& listen = "127.0.0.1:4142") {
  AdminSettings settings;
  settings.listen = listen;
  settings.token = Secret(token);
  settings.read_token = Secret(read_token);
  return settings;
}

// 0: answered; else the status of the refusal.
int refusal(const AdminSettings& settings, const std::string& line, const std::string& fields) {
  const std::string text = line + " HTTP/1.1\r\n" + fields + "\r\n";
  http::RequestHead head;
  const auto parsed = http::parse_request(text, {}, head);
  EXPECT_TRUE(parsed) << text;
  const auto refused = refuse_admin(settings, head, head.target.substr(0, head.target.find('?')));
  if (!refused) return 0;
  const auto body = nlohmann::json::parse(refused->body);
  EXPECT_TRUE(body["error"]["code"].is_string() && body["error"]["message"].is_string());
  EXPECT_EQ(refused->body.find("adm-token"), std::string::npos);
  return refused->status;
}

struct Row {
  const char* what;
  std::string line;
  std::string fields;
  int expected;
};

const std::string kHost = "Host: 127.0.0.1:4142\r\n";
const std::string kToken = "Authorization: Bearer adm-token\r\n";

void expect_rows(const AdminSettings& settings, const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(refusal(settings, row.line, row.fields), row.expected) << row.what;
}

TEST(AdminAccess, EveryRouteUnderApiNeedsTheToken) {
  for (const char* path : {"/api/usage", "/api/usage?since=1h", "/api/usage/records", "/api/providers",
                           "/api/budgets", "/api/keys", "/api/cache/stats", "/api", "/api/", "/api/usage/",
                           "/api//usage", "/api/%75sage", "/api/../api/usage", "/api/no-such"}) {
    const std::string get = "GET " + std::string(path);
    expect_rows(settings("adm-token", "adm-read"), {
        {"the token", get, kHost + kToken, 0},
        {"the reading token", get, kHost + "Authorization: Bearer adm-read\r\n", 0},
        {"the scheme in another case", get, kHost + "authorization: bearer  adm-token \r\n", 0},
        {"no token", get, kHost, 401},
        {"an empty token", get, kHost + "Authorization: Bearer \r\n", 401},
        {"a wrong token", get, kHost + "Authorization: Bearer adm-tokem\r\n", 401},
        {"a prefix", get, kHost + "Authorization: Bearer adm-toke\r\n", 401},
        {"an extension", get, kHost + "Authorization: Bearer adm-token1\r\n", 401},
        {"another case", get, kHost + "Authorization: Bearer ADM-TOKEN\r\n", 401},
        {"another scheme", get, kHost + "Authorization: Basic adm-token\r\n", 401},
        {"no scheme", get, kHost + "Authorization: adm-token\r\n", 401},
        {"a data key", get, kHost + "Authorization: Bearer fb-" + std::string(43, 'A') + "\r\n", 401},
        {"another field", get, kHost + "X-Api-Key: adm-token\r\n", 401},
        {"the second of two", get, kHost + "Authorization: Bearer x\r\n" + kToken, 401},
        {"in the query", get + (std::string(path).find('?') == std::string::npos ? "?" : "&") + "token=adm-token",
         kHost, 401},
        {"a write without", "POST " + std::string(path), kHost + "Content-Type: text/plain\r\n", 401},
        {"a write with", "POST " + std::string(path), kHost + kToken, 0},
        {"a write with the reading token", "DELETE " + std::string(path),
         kHost + "Authorization: Bearer adm-read\r\n", 403},
    });
  }
}

TEST(AdminAccess, AnEmptyReadingTokenIsNobodys) {
  EXPECT_EQ(refusal(settings("adm-token"), "GET /api/usage", kHost + "Authorization: Bearer \r\n"), 401);
  EXPECT_EQ(refusal(settings("adm-token"), "GET /api/usage", kHost + "Authorization: Bearer x\r\n"), 401);
}

// A web page can reach loopback: it can name any Host through DNS, and its Origin tells.
TEST(AdminAccess, AWebPageOfAnotherOriginIsRefused) {
  for (const char* token : {"", "adm-token"}) {
    expect_rows(settings(token), {
        {"by address", "GET /api/usage", kHost + kToken, 0},
        {"by localhost", "GET /api/usage", "Host: LOCALHOST:4142\r\n" + kToken, 0},
        {"by IPv6 address", "GET /api/usage", "Host: [::1]:4142\r\n" + kToken, 0},
        {"a rebound name", "GET /api/usage", "Host: evil.test:4142\r\n" + kToken, 403},
        {"a name that begins like an address", "GET /api/usage", "Host: 127.0.0.1.evil.test\r\n" + kToken, 403},
        {"a name that begins like localhost", "GET /api/usage", "Host: localhost.evil.test\r\n" + kToken, 403},
        {"a rebound name in the target", "GET http://evil.test/api/usage", kHost + kToken, 403},
        {"a write of its own origin", "POST /api/budgets", kHost + kToken + "Origin: http://127.0.0.1:4142\r\n", 0},
        {"a write over TLS", "POST /api/budgets", kHost + kToken + "Origin: https://127.0.0.1:4142\r\n", 0},
        {"a write of another origin", "POST /api/budgets", kHost + kToken + "Origin: https://evil.test\r\n", 403},
        {"a write of another port", "POST /api/budgets", kHost + kToken + "Origin: http://127.0.0.1:80\r\n", 403},
        {"a write of a sandbox", "DELETE /api/budgets", kHost + kToken + "Origin: null\r\n", 403},
        {"a preflight", "OPTIONS /api/budgets", kHost + kToken + "Origin: https://evil.test\r\n", 403},
        {"a write by no browser", "POST /api/budgets", kHost + kToken, 0},
    });
  }
  EXPECT_EQ(refusal(settings("", "", "admin.corp:4142"), "GET /api/usage", "Host: Admin.Corp:4142\r\n"), 0);
  EXPECT_EQ(refusal(settings("", "", "admin.corp:4142"), "GET /api/usage", "Host: other.corp\r\n"), 403);
}

TEST(AdminAccess, OnLoopbackNoTokenIsNeededWhenNoneIsSet) {
  EXPECT_EQ(refusal(settings(""), "GET /api/usage", kHost), 0);
  EXPECT_EQ(refusal(settings(""), "POST /api/budgets", kHost), 0);
}

TEST(AdminAccess, ProbesAndScrapesNeedNothing) {
  for (const char* path : {"/healthz", "/readyz", "/metrics"}) {
    EXPECT_EQ(refusal(settings("adm-token"), "GET " + std::string(path), "Host: pod-7.svc:4142\r\n"), 0) << path;
  }
}

}  // namespace
}  // namespace farebox
