// The answers of the admin port, without any I/O.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proxy/admin.hpp"
#include "storage/memory_ledger.hpp"
#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using nlohmann::json;

// 2026-11-21T12:00:00Z, for ever.
class StoppedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override {
    return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + std::chrono::hours(12);
  }
};

Providers one_provider() {
  Providers providers;
  providers.push_back(testing::make_provider("openai", DialectName::openai, "https://api.openai.com", {"sk-secret-1"}));
  return providers;
}

struct Program {
  StoppedClock clock;
  Settings settings;
  PriceTable prices;
  MemoryLedger ledger{5'000};
  std::unique_ptr<DocumentStore> documents = make_memory_document_store();
  Logger log{2, Level::error, Logger::Format::json, clock};
  KeyDesk keys{*documents, log, clock};
  Metrics metrics{10};
  Admission admission;
  TokenDesk tokens;
  Providers providers = one_provider();
  Directory directory{providers};
  RouteTable routes;
  Governor governor{1, 1'000, clock};
  BudgetShelf budgets{*documents, governor, ledger, clock, log};
  AuditLog audit{ledger, *documents, clock, log};
  AlertDesk alerts{*documents, governor, budgets, ledger, metrics, clock, log};
  AnswerDesk answers{"", log, clock};
  Services services{settings, prices,    ledger,    *documents, keys, log, metrics,
                    clock,    providers, directory, routes, admission, tokens, governor, budgets,
                    audit,    alerts,   answers, "farebox-test"};
  bool ready = true;
  Program() = default;
  explicit Program(Ledger& other)
      : services{settings, prices,    other,     *documents, keys, log, metrics,
                 clock,    providers, directory, routes, admission, tokens, governor, budgets,
                 audit,    alerts,   answers, "farebox-test"} {}

  AdminAnswer ask(std::string_view path, std::map<std::string, std::string> query = {},
                  std::string_view method = "GET", std::string_view accept = "",
                  std::string_view body = "") {
    const AdminView view{services, [this] { return ready; }, [] {
                           MetricsSnapshot snapshot;
                           snapshot.upstreams.push_back({"openai", 1, 2, 3, 0, {4, 0, 0, 0}, 5, 0});
                           return snapshot;
                         }};
    return answer_admin(view, {method, path, std::move(query), accept, "application/json", body});
  }
  json get(std::string_view path, std::map<std::string, std::string> query = {}) {
    const AdminAnswer answer = ask(path, std::move(query));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.content_type, "application/json");
    return json::parse(answer.body, nullptr, false);
  }
  // One record an hour, the newest an hour ago.
  void remember(int count) {
    for (int i = count; i > 0; --i) {
      Record row;
      row.time = clock.wall_now() - std::chrono::hours(i);
      row.request_id = "r" + std::to_string(i);
      row.project = i % 2 == 0 ? "even" : "odd";
      row.model = "m";
      row.metered = row.priced = true;
      row.usage.input = 10;
      row.cost = Money::picodollars(1'000'000'000'000);
      ledger.append(row);
    }
  }
};

// A ledger whose disk is gone.
class BrokenLedger final : public Ledger {
 public:
  HoldId make_hold_id() override { return {}; }
  Turn submit(Turn) override { return {}; }
  Result<RecordPage> records(const RecordFilter&, std::size_t,
                             std::optional<std::uint64_t>) const override {
    return gone();
  }
  Result<UsageReport> usage(const UsageQuery&) const override { return gone(); }
  Result<void> scan(std::uint64_t, const Visit&) const override { return gone(); }
  Result<void> open_holds(const Visit&) const override { return gone(); }
  LedgerStatus status() const override {
    LedgerStatus status;
    status.writable = false;
    status.trouble = "no space left on device";
    return status;
  }
  Result<void> rebuild() override { return gone(); }
  void close() override {}

 private:
  static Error gone() { return Error(ErrorCode::ledger_unavailable, "the store is closed"); }
};

TEST(AdminRoutes, ProbesSpeakPlainly) {
  Program program;
  EXPECT_EQ(program.ask("/healthz").body, "ok\n");
  EXPECT_EQ(program.ask("/readyz").status, 200);
  program.ready = false;
  EXPECT_EQ(program.ask("/readyz").status, 503);
  EXPECT_EQ(program.ask("/healthz").status, 200);
}

TEST(AdminRoutes, OnlyExactPathsAndReadsAreAnswered) {
  Program program;
  for (const char* path : {"", "/", "/api", "/api/", "/api/usage/", "/API/usage", "/api//usage", "//api/usage",
                           "/api/%75sage", "/api/usage/records/", "/healthz/", "/metrics/x", "/api/usage/../providers"}) {
    const AdminAnswer answer = program.ask(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(json::parse(answer.body)["error"]["code"], "not_found");
  }
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/api/usage", "/api/usage/records", "/api/ledger",
                           "/api/providers"}) {
    EXPECT_EQ(program.ask(path, {}, "HEAD").status, 200) << path;
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"}) {
      EXPECT_EQ(program.ask(path, {}, method).status, 405) << method << " " << path;
    }
  }
  EXPECT_EQ(program.ask("/api/ledger/rebuild", {}, "POST").body, R"({"status":"ok"})");
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "post"}) {
    EXPECT_EQ(program.ask("/api/ledger/rebuild", {}, method).status, 405) << method;
  }
}

TEST(AdminRoutes, TheLedgersStateIsShown) {
  Program program;
  EXPECT_TRUE(program.get("/api/ledger")["first"].is_null());
  program.remember(18);
  EXPECT_EQ(program.get("/api/ledger"), json::parse(R"({"writable":true,"trouble":null,"appended":18,
      "first":"0000000000000001","last":"0000000000000012","synced":"0000000000000012","openHolds":0,
      "heldUsd":"0","dropped":0,"queued":0,"failures":0,"bytes":0})"));
  EXPECT_EQ(program.get("/api/usage/records")["records"][0]["id"], program.get("/api/ledger")["last"]);
}

TEST(AdminRoutes, ALedgerThatCantBeReadIsUnavailable) {
  BrokenLedger broken;
  Program program(broken);
  for (const char* path : {"/api/usage", "/api/usage/records"}) {
    const AdminAnswer answer = program.ask(path);
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(json::parse(answer.body),
              json::parse(R"({"error":{"code":"ledger_unavailable","message":"the store is closed"}})"));
  }
  EXPECT_EQ(program.ask("/api/ledger/rebuild", {}, "POST").status, 503);
  EXPECT_EQ(program.get("/api/ledger")["trouble"], "no space left on device");
}

TEST(AdminRoutes, KeysAreMadeListedRotatedAndRevoked) {
  Program program;
  const auto made = program.ask("/api/keys", {}, "POST", "", R"({"name":"app","project":"p"})");
  EXPECT_EQ(made.status, 201);
  const json key = json::parse(made.body);
  EXPECT_EQ(key["key"].get<std::string>().substr(0, 7), key["prefix"]);
  json listed = program.get("/api/keys")["keys"][0];
  EXPECT_EQ(listed["id"], key["id"]);
  EXPECT_EQ(listed["createdAt"], "2026-11-21T12:00:00.000Z");
  EXPECT_FALSE(listed.contains("key"));
  const std::string id = key["id"];
  const auto rotated = program.ask("/api/keys/rotate", {}, "POST", "", "{\"id\":\"" + id + "\"}");
  EXPECT_EQ(rotated.status, 201);
  EXPECT_EQ(json::parse(rotated.body)["previousKeyEndsAt"], "2026-11-22T12:00:00.000Z");
  EXPECT_EQ(program.ask("/api/keys", {{"keyId", id}}, "DELETE").status, 200);
  EXPECT_EQ(program.get("/api/keys")["keys"][0]["status"], "revoked");
  EXPECT_EQ(program.ask("/api/keys", {}, "POST", "", "{").status, 400);
  EXPECT_EQ(program.ask("/api/keys", {}, "PATCH").allow, "GET, POST, DELETE");
  EXPECT_TRUE(reads_disk("/api/keys"));
}

// With `allow` requests are served without a hold, so traffic may come.
TEST(AdminRoutes, AStoreThatTakesNoHoldsMakesUsUnready) {
  BrokenLedger broken;
  Program program(broken);
  const AdminAnswer answer = program.ask("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "store not writable: no space left on device\n");
  EXPECT_EQ(program.ask("/healthz").status, 200);
  program.settings.ledger.on_store_failure = OnStoreFailure::allow;
  EXPECT_EQ(program.ask("/readyz").status, 200);
}

TEST(AdminRoutes, MetricsComeInTheFormatAskedFor) {
  Program program;
  const AdminAnswer plain = program.ask("/metrics");
  EXPECT_EQ(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(plain.body.find("farebox_upstream_connections{provider=\"openai\",state=\"idle\"} 1\n"), std::string::npos);
  const AdminAnswer open = program.ask("/metrics", {}, "GET", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
  EXPECT_TRUE(open.content_type.starts_with("application/openmetrics-text"));
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

TEST(AdminRoutes, SinceAndUntilAreReadInEveryForm) {
  Program program;
  program.remember(48);  // 2026-11-19T12:00Z to 2026-11-21T11:00Z
  struct Row {
    const char* since;
    const char* until;
    int requests;
  };
  const Row rows[] = {
      {"", "", 48},
      {"24h ago", "now", 24},
      {"24h", "", 24},
      {"90m ago", "", 1},
      {"1d ago", "12h ago", 12},
      {"2026-11-21", "", 12},
      {"2026-11-20", "2026-11-21", 24},
      {"2026-11-21T10:00:00Z", "", 2},
      {"2026-11-21T10:00Z", "", 2},
      {"2026-11-21 10:00:00", "", 2},
      {"2026-11-21t10:00:00z", "", -1},
      {"2026-11-21T10:00:00.000001Z", "", 1},
      {"2026-11-21T10:00:00.9999999Z", "", 1},
      {"1795262400", "", 0},          // 2026-11-21T12:00Z in Unix seconds
      {"1795255200", "", 2},          // two hours before
      {"0", "", 48},
      {"", "2026-11-21T11:00:00Z", 47},  // exclusive
      {"2026-11-21T11:00:00Z", "", 1},   // inclusive
      {"now", "24h ago", 0},
      {"2026-11-21T12:00:00+02:00", "", 2},
      // Refused.
      {"yesterday", "", -1},
      {"24", "", 48},  // Unix seconds, long ago
      {"-1h", "", -1},
      {"1.5h", "", -1},
      {"h", "", -1},
      {"2026-13-01", "", -1},
      {"2026-02-30", "", -1},
      {"2026-11-21T24:00:00Z", "", -1},
      {"2026-11-21T10:60:00Z", "", -1},
      {"2026-11-21T10", "", -1},
      {"2026-11-21T10:00:00+0200", "", -1},
      {"2026-11-21T10:00:00Zx", "", -1},
      {"2026-11-21x", "", -1},
      {"99999999999999999999", "", -1},
      {"-5", "", -1},
      {"\xff", "", -1},
      {"", "tomorrow", -1},
  };
  for (const Row& row : rows) {
    for (const char* path : {"/api/usage", "/api/usage/records"}) {
      const AdminAnswer answer = program.ask(path, {{"since", row.since}, {"until", row.until}});
      ASSERT_EQ(answer.status, row.requests < 0 ? 400 : 200) << row.since << " " << row.until << answer.body;
      const json body = json::parse(answer.body);
      if (row.requests < 0) {
        EXPECT_EQ(body["error"]["code"], "bad_request");
      } else if (std::string_view(path) == "/api/usage") {
        EXPECT_EQ(body["total"]["requests"], row.requests) << row.since << " " << row.until;
      } else {
        EXPECT_EQ(body["records"].size(), static_cast<std::size_t>(row.requests)) << row.since;
      }
    }
  }
}

// Once, a span beyond what microseconds hold wrapped (undefined behaviour).
TEST(AdminRoutes, ASpanBeyondTheCalendarIsRefused) {
  Program program;
  EXPECT_EQ(program.ask("/api/usage", {{"since", "9223372036854775807ms"}}).status, 400);
  EXPECT_EQ(program.ask("/api/usage", {{"since", "106751991167d ago"}}).status, 400);
}

TEST(AdminRoutes, UsageIsGroupedAsAsked) {
  Program program;
  program.remember(4);
  const json plain = program.get("/api/usage");
  EXPECT_EQ(plain["rows"].size(), 1u);
  EXPECT_EQ(plain["total"], json::parse(R"({"requests":4,"inputTokens":40,"outputTokens":0,"cachedInputTokens":0,
      "cacheWriteTokens":0,"reasoningTokens":0,"costUsd":"4","correctionsUsd":"0","errors":0,"unpricedRequests":0})"));

  const json grouped = program.get("/api/usage", {{"groupBy", "model,project"}});
  ASSERT_EQ(grouped["rows"].size(), 2u);
  EXPECT_EQ(grouped["rows"][0]["model"], "m");
  EXPECT_EQ(grouped["rows"][0]["project"], "even");
  EXPECT_EQ(grouped["rows"][1]["project"], "odd");
  EXPECT_EQ(grouped["rows"][1]["requests"], 2);
  EXPECT_FALSE(grouped["rows"][0].contains("time"));

  const json hourly = program.get("/api/usage", {{"granularity", "hour"}});
  ASSERT_EQ(hourly["rows"].size(), 4u);
  EXPECT_EQ(hourly["rows"][0]["time"], "2026-11-21T08:00:00.000Z");
  EXPECT_EQ(program.get("/api/usage", {{"granularity", "day"}})["rows"].size(), 1u);
  EXPECT_EQ(program.get("/api/usage", {{"projectId", "odd"}})["total"]["requests"], 2);
  EXPECT_EQ(program.get("/api/usage", {{"project", "odd"}})["total"]["requests"], 2);
  EXPECT_EQ(program.get("/api/usage", {{"projectId", "od"}})["total"]["requests"], 0);
  EXPECT_EQ(program.get("/api/usage", {{"unknown", "x"}})["total"]["requests"], 4);
}

TEST(AdminRoutes, UsageParametersThatMeanNothingAreRefused) {
  Program program;
  const std::pair<const char*, const char*> rows[] = {
      {"groupBy", "colour"}, {"groupBy", "model,"}, {"groupBy", ",model"}, {"groupBy", "Model"},
      {"groupBy", "model, project"}, {"granularity", "minute"}, {"granularity", "Hour"},
  };
  for (const auto& [name, value] : rows) {
    const AdminAnswer answer = program.ask("/api/usage", {{name, value}});
    if (std::string_view(value) == "model,") continue;  // a comma at the end is forgiven
    EXPECT_EQ(answer.status, 400) << name << "=" << value;
    EXPECT_TRUE(json::parse(answer.body)["error"]["message"].is_string());
  }
}

TEST(AdminRoutes, RecordsComeInPages) {
  Program program;
  program.remember(1'200);
  EXPECT_EQ(program.get("/api/usage/records")["records"].size(), 100u);
  EXPECT_EQ(program.get("/api/usage/records", {{"limit", "1000"}})["records"].size(), 1'000u);
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const json page = program.get("/api/usage/records", {{"limit", "250"}, {"cursor", cursor}, {"projectId", "odd"}});
    for (const json& row : page["records"]) seen.push_back(row["requestId"]);
    cursor = page["nextCursor"].is_null() ? "" : page["nextCursor"].get<std::string>();
    EXPECT_EQ(cursor.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-_"), std::string::npos) << cursor;
  } while (!cursor.empty());
  ASSERT_EQ(seen.size(), 600u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], "r" + std::to_string(2 * i + 1));
}

TEST(AdminRoutes, LimitsAndCursorsAreChecked) {
  Program program;
  program.remember(3);
  for (const char* limit : {"0", "1001", "-1", "1e2", "x", "01", " 5", "99999999999999999999"}) {
    EXPECT_EQ(program.ask("/api/usage/records", {{"limit", limit}}).status, 400) << limit;
  }
  for (const char* cursor : {"x", "0x10", "-1", " 1", "1 ", "11112222333344445", "../..", "%00"}) {
    EXPECT_EQ(program.ask("/api/usage/records", {{"cursor", cursor}}).status, 400) << cursor;
  }
  EXPECT_EQ(program.get("/api/usage/records", {{"cursor", "0"}})["records"].size(), 0u);
  EXPECT_EQ(program.get("/api/usage/records", {{"cursor", "ffffffffffffffff"}})["records"].size(), 3u);
  EXPECT_EQ(program.get("/api/usage/records", {{"limit", "1"}})["records"].size(), 1u);
}

TEST(AdminRoutes, ProvidersAreListedWithoutTheirKeys) {
  Program program;
  const json listed = program.get("/api/providers");
  EXPECT_EQ(listed, json::parse(R"({"providers":[{"name":"openai","dialect":"openai",
      "baseUrl":"https://api.openai.com","ownKeys":1,"pool":{"idle":1,"busy":2,"connecting":3,"max":64,
      "connects":4,"failedConnects":5},
      "breaker":{"state":"CLOSED","since":null,"reopensAt":null,"timesOpened":0,"models":[]},
      "calls":{"running":0,"queued":0,"limit":256},"latencyMs":null,"coolingKeys":[],"healthCheck":null,
      "lastError":null}]})"));
  EXPECT_EQ(listed.dump().find("sk-secret"), std::string::npos);
}

TEST(AdminRoutes, AReloadSaysWhatCameOfIt) {
  Program program;
  AdminView view{program.services, [] { return true; }, [] { return MetricsSnapshot(); }};
  const auto ask = [&](std::string_view method) {
    return answer_admin(view, {method, "/api/config/reload", {}, "", "", ""});
  };
  EXPECT_TRUE(reads_disk("/api/config/reload"));
  EXPECT_TRUE(calls_others("/api/alerts/test"));
  EXPECT_FALSE(calls_others("/api/alerts"));
  EXPECT_EQ(ask("GET").status, 405);
  ReloadReport report;
  view.reload = [&] { return report; };
  EXPECT_EQ(ask("POST").status, 409);
  EXPECT_EQ(json::parse(ask("POST").body)["error"]["code"], "no_config_file");
  report.outcome = ReloadReport::Outcome::applied;
  report.changed = {"limits"};
  report.needs_restart = {"listen"};
  EXPECT_EQ(json::parse(ask("POST").body), json::parse(R"({"status":"ok","changed":["limits"],
      "needsRestart":["listen"],"warnings":[]})"));
  report.outcome = ReloadReport::Outcome::refused;
  report.problems = {"farebox.yaml:3: unknown key"};
  const AdminAnswer refused = ask("POST");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(json::parse(refused.body)["error"]["problems"], json(report.problems));
}

TEST(AdminRoutes, ErrorsEscapeWhatTheyQuote) {
  Program program;
  const AdminAnswer answer = program.ask("/api/usage", {{"groupBy", "\"\r\n<script>\xff"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(json::accept(answer.body)) << answer.body;
}

}  // namespace
}  // namespace farebox
