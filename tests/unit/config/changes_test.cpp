// What a reload swaps, what it keeps for a restart, and that no key is forgotten.
#include "config/changes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/settings_text.hpp"
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

// A start compares with what the last run said, and has digests of that alone.
TEST(Digests, NameWhatDiffersAsAReloadDoes) {
  const Row rows[] = {
      {"", "", {}, {}},
      {"via: true", "", {}, {}},
      {"", "listen: 127.0.0.1:5000\nvia: false", {"listen", "via"}, {}},
      {"", "alerts: {channels: [{name: a, type: slack, url: https://hooks.example/x}]}", {"alerts"}, {}},
      {"alerts: {channels: [{name: a, type: slack, url: https://hooks.example/x}]}",
       "alerts: {channels: [{name: a, type: slack, url: https://hooks.example/y}]}", {"alerts"}, {}},
      {"", "prices: {overrides: {m: {input: \"1\", output: \"2\"}}}", {"prices"}, {}},
      {"budgets: [{name: a, scope: {org: x}, period: daily, limit_usd: 5}]",
       "budgets: [{name: a, scope: {org: x}, period: daily, limit_usd: 6}]", {"budgets"}, {}},
      {"providers: {a: {base_url: http://x}}",
       "providers: {a: {base_url: http://x}, b: {base_url: http://y}}", {"providers.b"}, {}},
      {"providers: {a: {base_url: http://x, api_keys: [k1]}}",
       "providers: {a: {base_url: http://x, api_keys: [k2]}}", {"providers.a"}, {}},
      {"providers: {a: {base_url: http://x}, b: {base_url: http://y}}",
       "providers: {b: {base_url: http://y}, a: {base_url: http://x}}", {"providers"}, {}},
      {"providers: {a: {base_url: http://x}, b: {base_url: http://y}}",
       "providers: {b: {base_url: http://y}}", {"providers.a"}, {}},
      // A key within another is told by itself.
      {"", "enforcement: {max_scope_values: 7}", {"enforcement.max_scope_values"}, {}},
      {"", "enforcement: {budget_wait: 7s}", {"enforcement"}, {}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(changed_keys(digests_of(settings_of(row.running), "salt"),
                           digests_of(settings_of(row.wanted), "salt")),
              row.applied)
        << row.wanted;
  }
}

TEST(Digests, KnowEveryKey) {
  const Settings wanted =
      load_whole(content_of(test_data("every_key.yaml")), {{"ADMIN_TOKEN", "t"}, {"FIRST_KEY", "k"}})
          .settings;
  Settings running = settings_of("");
  const auto digests = changed_keys(digests_of(running, "salt"), digests_of(wanted, "salt"));
  Settings told = wanted;
  const Changes changes = settle_changes(running, told);
  for (const auto* keys : {&changes.applied, &changes.needs_restart}) {
    for (const std::string& key : *keys) {
      EXPECT_EQ(std::count(digests.begin(), digests.end(), key), 1) << key;
    }
  }
}

// A digest of all a secret has could be searched for a weak one.
TEST(Digests, SayTwoOctetsOfASecret) {
  SettingsText text("salt");
  text.add(Secret("hunter2"));
  EXPECT_EQ(text.text().size(), 3 + 7 + 4U) << text.text();
  SettingsText other("pepper");
  other.add(Secret("hunter2"));
  EXPECT_NE(text.text(), other.text());
}

}  // namespace
}  // namespace farebox
