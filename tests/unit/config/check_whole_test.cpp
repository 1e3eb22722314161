// The rules between keys, and secrets that stand in files.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

constexpr const char* kWithKeys = "providers: {openai: {api_keys: [k]}}\n";

struct Row {
  std::string text;
  bool accepted;
};

TEST(CheckWhole, NoOpenRelay) {
  const std::string keys = kWithKeys;
  const Row rows[] = {
      {keys, true},
      {keys + "listen: localhost:4141", true},
      {keys + "listen: 127.255.0.1:4141", true},
      {keys + "listen: \"[::1]:4141\"", true},
      {keys + "listen: \"[::ffff:127.0.0.1]:4141\"", true},
      {keys + "listen: 0.0.0.0:4141", false},
      {keys + "listen: \"[::]:4141\"", false},
      {keys + "listen: 10.0.0.1:4141", false},
      {keys + "listen: 128.0.0.1:4141", false},
      {keys + "listen: my-host:4141", false},
      {keys + "listen: 127.example:4141", false},
      {keys + "listen: localhost.example:4141", false},
      {keys + "listen: 0.0.0.0:4141\nauth: {allow_anonymous: true}", true},
      {"listen: 0.0.0.0:4141", true},  // the callers' own keys
  };
  for (const Row& row : rows) {
    const LoadResult result = load_whole(row.text);
    EXPECT_EQ(result.ok(), row.accepted) << row.text << "\n" << lines_of(result.errors);
  }
}

// What is accepted and does nothing, or not what it says.
TEST(CheckWhole, WarnsOfWhatCanHardlyBeMeant) {
  const std::string two = "providers: {a: {dialect: openai, base_url: http://x}, "
                          "b: {dialect: anthropic, base_url: http://y}}\nroutes:\n";
  const auto provider = [](const std::string& keys) {
    return "providers: {a: {dialect: openai, base_url: http://x, " + keys + "}}\n";
  };
  struct Warned {
    std::string text;
    int line;          // 0: nothing is said
    std::string says;
  };
  const Warned rows[] = {
      {two + "- {model: \"gpt-*\", targets: [{provider: a}]}\n"
             "- {model: \"gpt-4.1*\", targets: [{provider: a}]}\n", 4, "'gpt-*' hides"},
      {two + "- {model: \"*\", targets: [{provider: a}]}\n"
             "- {model: o3, targets: [{provider: a}]}\n", 4, "'*' hides"},
      {two + "- {model: \"gpt-4.1*\", targets: [{provider: a}]}\n"
             "- {model: \"gpt-*\", targets: [{provider: a}]}\n", 0, ""},
      {two + "- {model: \"gpt-*-mini\", targets: [{provider: a}]}\n"
             "- {model: \"gpt-4*\", targets: [{provider: a}]}\n", 0, ""},
      {two + "- {model: \"*\", targets: [{provider: a}]}\n"
             "- {model: \"claude-*\", targets: [{provider: b}]}\n", 0, ""},  // another dialect
      {two + "- model: m\n  targets: [{provider: a}]\n  sticky: user\n"
             "  policy: lowest_latency\n", 6, "sticky keeps each caller"},
      {two + "- model: m\n  targets: [{provider: a}]\n  sticky: user\n"
             "  policy: weighted\n", 0, ""},
      {two + "- model: m\n  targets: [{provider: a}]\n  fallbacks: [{provider: a, model: n}]\n"
             "  fallback_on: []\n", 6, "the fallbacks are never asked"},
      {two + "- model: m\n  targets: [{provider: a}]\n  fallback_on: []\n", 0, ""},
      {provider("concurrency: {max: 65}"), 1, "pool.max is 64"},
      {provider("concurrency: {max: 64}"), 0, ""},
      {provider("concurrency: {max: 65}, pool: {max: 65}"), 0, ""},
      {provider("concurrency: {queue: 10}"), 1, "write max"},
      {provider("concurrency: {queue: 10, max: 9}"), 0, ""},
      // Each of these was taken without a word, and does nothing.
      {provider("timeouts: {first_byte: 20m}"), 1, "a.timeouts.first_byte is 20m, but timeouts.total is 15m"},
      {provider("timeouts: {idle: 20m}"), 1, "a.timeouts.idle is 20m"},
      {provider("timeouts: {total: 20s, idle: 21s}"), 1, "lower this or raise timeouts.total"},
      {provider("timeouts: {total: 20s}"), 0, ""},  // the others' defaults are longer
      {provider("timeouts: {total: 20s, first_byte: 20s, idle: 20s}"), 0, ""},
      {provider("retry: {base_delay: 3s}, timeouts: {total: 2s}"), 1, "a.retry.base_delay is 3s"},
      {provider("timeouts: {total: 200ms}"), 0, ""},
      {provider("concurrency: {max: 4}, pool: {min: 5}"), 1, "a.pool.min is 5, but concurrency.max is 4"},
      {provider("concurrency: {max: 4}, pool: {min: 4}"), 0, ""},
      {provider("concurrency: {max: 4}, circuit_breaker: {half_open_requests: 5}"), 1,
       "half_open_requests is 5, but concurrency.max is 4"},
      {provider("concurrency: {max: 2, min: 1}"), 0, ""},  // three probes are the default
      {provider("circuit_breaker: {half_open_requests: 500}"), 0, ""},
      {provider("health_check: {path: /x, timeout: 31s}"), 1, "pool.health_interval is 30s"},
      {provider("health_check: {path: /x, timeout: 6s}, pool: {health_interval: 5s}"), 1,
       "health_check.timeout is 6s"},
      {provider("health_check: {path: /x}, pool: {health_interval: 1s}"), 0, ""},
      {provider("circuit_breaker: {enabled: false, per_model: true}"), 1, "per_model does nothing"},
      {provider("circuit_breaker: {enabled: false, serve_stale_on_open: true}"), 1,
       "serve_stale_on_open does nothing"},
      {provider("circuit_breaker: {enabled: false, per_model: false, serve_stale_on_open: false}"), 0, ""},
      {provider("circuit_breaker: {per_model: true, serve_stale_on_open: true}"), 0, ""},
  };
  for (const Warned& row : rows) {
    const LoadResult result = load_whole(row.text);
    EXPECT_TRUE(result.ok()) << row.text << lines_of(result.errors);
    ASSERT_EQ(result.warnings.size(), row.line == 0 ? 0u : 1u)
        << row.text << lines_of(result.warnings);
    if (row.line == 0) continue;
    EXPECT_EQ(result.warnings[0].line, row.line) << row.text;
    EXPECT_NE(result.warnings[0].text.find(row.says), std::string::npos)
        << lines_of(result.warnings);
  }
}

TEST(CheckWhole, SeesTheOverriddenAddress) {
  LoadResult opened = load_text(kWithKeys, "farebox.yaml", environment_of({}));
  Overrides overrides;
  overrides.listen = "0.0.0.0:4141";
  apply(overrides, "command line", opened);
  check_whole(opened);
  ASSERT_EQ(opened.errors.size(), 1u);
  EXPECT_TRUE(to_line(opened.errors[0]).starts_with("command line: listen is '0.0.0.0:4141'"));

  LoadResult closed = load_text(std::string(kWithKeys) + "listen: 0.0.0.0:4141", "farebox.yaml",
                                environment_of({}));
  overrides.listen = "127.0.0.1:4141";
  apply(overrides, "command line", closed);
  check_whole(closed);
  EXPECT_TRUE(closed.ok()) << lines_of(closed.errors);
}

TEST(CheckWhole, AdminNeedsATokenOffLoopback) {
  const char* const kOpen = "admin: {listen: \"0.0.0.0:4142\"}";
  EXPECT_FALSE(load_whole(kOpen).ok());
  EXPECT_TRUE(load_whole(kOpen, {{"FAREBOX_ADMIN_TOKEN", "t"}}).ok());
  EXPECT_TRUE(load_whole("admin: {listen: \"0.0.0.0:4142\", token: t, read_token: r}").ok());
  // A refused token is one error, not two.
  EXPECT_EQ(load_whole("admin: {listen: \"0.0.0.0:4142\", token: \"${UNSET}\"}").errors.size(), 1u);
}

TEST(CheckWhole, TwoPortsDiffer) {
  EXPECT_FALSE(load_whole("admin: {listen: \"127.0.0.1:4141\"}").ok());
  EXPECT_TRUE(load_whole("admin: {listen: \"127.0.0.2:4141\"}").ok());
  EXPECT_TRUE(load_whole("listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}").ok());
}

class SecretFiles : public testing::Test {
 protected:
  SecretFiles() {
    std::string name = testing::TempDir() + "farebox-secret-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~SecretFiles() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }

  std::string directory_;
};

TEST_F(SecretFiles, HoldOneKeyPerLine) {
  const std::string keys = write("keys", "\nkey-1\r\n\n  key-2  \nkey-3");
  const LoadResult result = load_whole("providers: {openai: {api_keys_file: " + keys + "}}");
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_TRUE(result.warnings.empty());
  ASSERT_EQ(result.settings.providers[0].api_keys.size(), 3u);
  EXPECT_EQ(result.settings.providers[0].api_keys[0].reveal(), "key-1");
  EXPECT_EQ(result.settings.providers[0].api_keys[1].reveal(), "key-2");
  EXPECT_EQ(result.settings.providers[0].api_keys[2].reveal(), "key-3");
}

TEST_F(SecretFiles, HoldTokensAndHashes) {
  const std::string hash = "sha256:" + std::string(64, 'c');
  write("token", "writer\n");
  write("read", "reader\n");
  write("hash", hash + "\n");
  const LoadResult result = load_whole(
      "admin: {token_file: \"${DIR}/token\", read_token_file: \"${DIR}/read\"}\n"
      "keys: [{name: a, key_hash_file: \"${DIR}/hash\"}]\n",
      {{"DIR", directory_}});
  EXPECT_EQ(result.settings.admin.token.reveal(), "writer");
  EXPECT_EQ(result.settings.admin.read_token.reveal(), "reader");
  EXPECT_EQ(result.settings.keys[0].key_hash, hash);
}

TEST_F(SecretFiles, OpenToEverybodyGiveAWarning) {
  const std::string token = write("token", "hunter2\n", 0644);
  const LoadResult result = load_whole("admin:\n  token_file: " + token);
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings[0].line, 2);
  EXPECT_NE(result.warnings[0].text.find("chmod o-rwx"), std::string::npos);
}

TEST_F(SecretFiles, ThatCannotBeUsedAreErrorsWithoutTheirContent) {
  const Row rows[] = {
      {"admin: {token_file: " + write("two", "hunter2\nhunter2\n") + "}", false},
      {"admin: {token_file: " + write("space", "hunter2 hunter2\n") + "}", false},
      {"admin: {token_file: " + write("nul", std::string("hunter2\0x\n", 10)) + "}", false},
      {"admin: {token_file: " + write("empty", "\n\n") + "}", false},
      {"admin: {token_file: " + write("large", std::string(70'000, 'x')) + "}", false},
      {"admin: {token: a, token_file: " + write("both", "hunter2") + "}", false},
      {"providers: {openai: {api_keys: [a], api_keys_file: " + write("keys", "hunter2") + "}}", false},
      {"keys: [{name: a, key_hash_file: " + write("hash", "hunter2") + "}]", false},
      {"admin: {token_file: \"\"}", true},
  };
  for (const Row& row : rows) {
    const LoadResult result = load_whole(row.text);
    const std::string shown = lines_of(result.errors) + lines_of(result.warnings);
    EXPECT_EQ(result.ok(), row.accepted) << row.text;
    EXPECT_EQ(shown.find("hunter2"), shown.npos) << shown;
  }
}

TEST_F(SecretFiles, BrokenKeysStillCountForTheRelayRule) {
  const LoadResult result =
      load_whole("listen: 0.0.0.0:4141\nproviders: {openai: {api_keys_file: /nowhere/keys}}\n");
  EXPECT_EQ(result.errors.size(), 2u) << lines_of(result.errors);
}

}  // namespace
}  // namespace farebox
