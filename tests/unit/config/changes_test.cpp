// What a reload swaps, what it keeps for a restart, and that no key is forgotten.
#include "config/changes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

using Keys = std::vector<std::string>;

Settings settings_of(std::string_view text) { return load_whole(text).settings; }

struct Row {
  const char* running;
  const char* wanted;
  Keys applied;
  Keys needs_restart;
};

TEST(Changes, AreNamedAsTheFileNamesThem) {
  const Row rows[] = {
      {"", "", {}, {}},
      {"via: true", "", {}, {}},  // the default, said or not
      {"", "via: false", {"via"}, {}},
      {"via: false", "", {"via"}, {}},
      {"", "limits: {body: 1MiB}", {"limits"}, {}},
      {"", "log: {level: debug}", {"log.level"}, {}},
      {"", "log: {level: debug, format: text}", {"log.level"}, {"log.format"}},
      {"", "listen: 127.0.0.1:5000", {}, {"listen"}},
      {"", "admin: {listen: 127.0.0.1:5000, token: t}", {"admin.token"}, {"admin.listen"}},
      {"", "data_dir: /elsewhere\nthreads: 3", {}, {"data_dir", "threads"}},
      {"", "metrics: {max_label_values: 7}", {}, {"metrics.max_label_values"}},
      {"", "ledger: {retain: 3d, max_size: 1GiB, on_store_failure: allow}",
       {"ledger.retain", "ledger.max_size", "ledger.on_store_failure"}, {}},
      {"", "ledger: {store: memory, sync: always, sync_interval: 9ms, crash_settlement: release}",
       {}, {"ledger.store", "ledger.sync", "ledger.sync_interval", "ledger.crash_settlement"}},
      {"", "alerts: {channels: [{name: a, type: slack, url: https://hooks.example/x}]}", {"alerts"}, {}},
      {"", "prices: {overrides: {m: {input: \"1\", output: \"2\"}}}", {"prices"}, {}},
      {"providers: {a: {base_url: http://x}}",
       "providers: {a: {base_url: http://x}, b: {base_url: http://y}}", {"providers.b"}, {}},
      {"providers: {a: {base_url: http://x}, b: {base_url: http://y}}",
       "providers: {a: {base_url: http://x}}", {"providers.b"}, {}},
      {"providers: {a: {base_url: http://x}}", "providers: {a: {base_url: http://z}}",
       {"providers.a"}, {}},
      {"providers: {a: {base_url: http://x, api_keys: [k1]}}",
       "providers: {a: {base_url: http://x, api_keys: [k2]}}", {"providers.a"}, {}},
      {"providers: {a: {base_url: http://x, api_keys: [k1]}}",
       "providers: {a: {base_url: http://x, api_keys: [k1]}}", {}, {}},
      // The first of a dialect is its default.
      {"providers: {a: {base_url: http://x}, b: {base_url: http://y}}",
       "providers: {b: {base_url: http://y}, a: {base_url: http://x}}", {"providers"}, {}},
  };
  for (const Row& row : rows) {
    Settings wanted = settings_of(row.wanted);
    const Changes changes = settle_changes(settings_of(row.running), wanted);
    EXPECT_EQ(changes.applied, row.applied) << row.wanted;
    EXPECT_EQ(changes.needs_restart, row.needs_restart) << row.wanted;
  }
}

TEST(Changes, WhatNeedsARestartStaysAsItRuns) {
  const Settings running = settings_of("listen: 127.0.0.1:5000\nadmin: {token: old}");
  Settings wanted = settings_of("listen: 127.0.0.1:6000\nadmin: {token: new}\nthreads: 3");
  settle_changes(running, wanted);
  EXPECT_EQ(wanted.listen, "127.0.0.1:5000");
  EXPECT_EQ(wanted.threads, running.threads);
  EXPECT_EQ(wanted.admin.token.reveal(), "new");
}

// A key that is added to the settings and not to the table here is told as this.
TEST(Changes, KnowEveryKey) {
  const Settings running = settings_of("");
  Settings wanted =
      load_whole(content_of(test_data("every_key.yaml")), {{"ADMIN_TOKEN", "t"}, {"FIRST_KEY", "k"}})
          .settings;
  const Changes changes = settle_changes(running, wanted);
  EXPECT_EQ(std::count(changes.applied.begin(), changes.applied.end(), "other settings"), 0);
  for (const char* key : {"tls", "keys", "budgets", "enforcement", "providers.first"}) {
    EXPECT_EQ(std::count(changes.applied.begin(), changes.applied.end(), key), 1) << key;
  }
  const Changes again = settle_changes(wanted, wanted);
  EXPECT_TRUE(again.applied.empty());
  EXPECT_TRUE(again.needs_restart.empty());
}

}  // namespace
}  // namespace farebox
