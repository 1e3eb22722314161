// ${NAME} in the file, and what stands above the file.
#include <gtest/gtest.h>

#include "config/environment.hpp"
#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

struct Row {
  std::string_view text, expected;
};

TEST(Substitute, ReplacesVariablesDefaultsAndDollars) {
  const Environment environment =
      environment_of({{"A", "one"}, {"EMPTY", ""}, {"NESTED", "${A}"}, {"_x1", "two"}});
  const Row rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"${A}", "one"},
      {"x${A}y${_x1}z", "xoneytwoz"},
      {"${EMPTY}", ""},
      {"${EMPTY:-default}", "default"},
      {"${UNSET:-default}", "default"},
      {"${UNSET:-}", ""},
      {"${A:-default}", "one"},
      {"${UNSET:-a:-b$c}", "a:-b$c"},
      {"$${A}", "${A}"},
      {"$$$${A}", "$${A}"},
      {"$$${A}", "$one"},
      {"$A and $", "$A and $"},
      {"${NESTED}", "${A}"},  // values are not scanned again
  };
  for (const Row& row : rows) {
    const Result<std::string> text = substitute(row.text, environment);
    ASSERT_TRUE(text) << row.text;
    EXPECT_EQ(*text, row.expected) << row.text;
  }
}

TEST(Substitute, RefusesWhatItCannotReplace) {
  for (const char* text : {"${", "${A", "${}", "${ A}", "${1A}", "${A-b}", "${:-x}", "${UNSET}",
                           "${UNSET:-${A}}", "${A:}"}) {
    EXPECT_FALSE(substitute(text, environment_of({{"A", "one"}}))) << text;
  }
  EXPECT_FALSE(substitute("${A}", nullptr));
}

TEST(Substitution, KeepsYamlSyntaxInAValueOneScalar) {
  const LoadResult result = load_whole("data_dir: ${DIR}\n",
                                       {{"DIR", "/tmp/x # y, via: {false: [*a]}"}});
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.settings.data_dir, "/tmp/x # y, via: {false: [*a]}");
  EXPECT_TRUE(result.settings.via);
}

TEST(Substitution, WorksInEveryTypeOfScalar) {
  const LoadResult result = load_whole(
      "threads: ${N}\nvia: ${OFF}\nlimits: {body: '${SIZE}', drain: \"${TIME:-7s}\"}\n"
      "allowed_origins: [\"https://${HOST}\"]\nlog: {level: \"${LEVEL}\"}\n",
      {{"N", "3"}, {"OFF", "false"}, {"SIZE", "2MiB"}, {"HOST", "a.example"}, {"LEVEL", "warn"}});
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.settings.threads, 3u);
  EXPECT_FALSE(result.settings.via);
  EXPECT_EQ(result.settings.limits.body, 2u << 20);
  EXPECT_EQ(result.settings.limits.drain, std::chrono::seconds(7));
  ASSERT_EQ(result.settings.allowed_origins.size(), 1u);
  EXPECT_EQ(result.settings.allowed_origins[0], "https://a.example");
  EXPECT_EQ(result.settings.log.level, LogLevel::warn);
}

TEST(Substitution, WarnsOfAVariableWithoutBraces) {
  const LoadResult result = load_whole("providers: {openai: {api_keys: [$OPENAI_API_KEY]}}");
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].text.find("without braces"), std::string::npos);
}

TEST(Substitution, NeverShowsWhatAVariableHeld) {
  // Every key, filled with a secret that fits nowhere.
  const char* const kKeys[] = {
      "listen: ${S}", "threads: ${S}", "via: ${S}", "admin: {listen: \"${S}\"}",
      "admin: {token: \"${S} x\"}", "admin: {read_token: \"${S}\"}", "admin: {token_file: \"/no/${S}\"}",
      "providers: {openai: {base_url: \"${S}\"}}", "providers: {openai: {dialect: \"${S}\"}}",
      "providers: {openai: {api_keys: [\"a ${S}\"]}}", "limits: {body: \"${S}\"}",
      "limits: {drain: \"${S}\"}", "allowed_origins: [\"${S}\"]", "log: {level: \"${S}\"}",
      "budgets: [{name: a, limit_usd: \"${S}\", warning_threshold: \"${S}\"}]",
      "keys: [{name: a, key_hash: \"${S}\"}]", "routes: [{model: \"${S}\", targets: [{provider: \"${S}\"}]}]"};
  for (const char* text : kKeys) {
    const LoadResult result = load_whole(text, {{"S", "hunter2"}});
    EXPECT_FALSE(result.ok()) << text;
    const std::string shown = lines_of(result.errors) + lines_of(result.warnings);
    EXPECT_EQ(shown.find("hunter2"), shown.npos) << shown;
  }
}

TEST(Overrides, EnvironmentWinsOverTheFile) {
  const Variables variables{{"FAREBOX_LISTEN", "127.0.0.1:1"},
                            {"FAREBOX_ADMIN_LISTEN", "127.0.0.1:2"},
                            {"FAREBOX_ADMIN_TOKEN", "from-environment"},
                            {"FAREBOX_DATA_DIR", "/e"},
                            {"FAREBOX_LOG_LEVEL", "error"}};
  const char* const kFile =
      "listen: 127.0.0.1:11\nadmin: {listen: \"127.0.0.1:12\", token: from-file}\ndata_dir: /f\n"
      "log: {level: debug}\n";
  const Settings settings = load_whole(kFile, variables).settings;
  EXPECT_EQ(settings.listen, "127.0.0.1:1");
  EXPECT_EQ(settings.admin.listen, "127.0.0.1:2");
  EXPECT_EQ(settings.admin.token.reveal(), "from-environment");
  EXPECT_EQ(settings.data_dir, "/e");
  EXPECT_EQ(settings.log.level, LogLevel::error);

  LoadResult without_file = defaults(environment_of(variables));
  EXPECT_EQ(without_file.settings.listen, "127.0.0.1:1");
  EXPECT_EQ(without_file.settings.admin.token.reveal(), "from-environment");
}

TEST(Overrides, CommandLineWinsOverTheEnvironment) {
  LoadResult result = load_text("listen: 127.0.0.1:11\n", "farebox.yaml",
                                environment_of({{"FAREBOX_LISTEN", "127.0.0.1:1"}}));
  Overrides overrides;
  overrides.listen = "127.0.0.1:21";
  overrides.admin_listen = "127.0.0.1:22";
  overrides.data_dir = "/c";
  overrides.log_level = "warn";
  overrides.log_format = "text";
  apply(overrides, "command line", result);
  check_whole(result);
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.settings.listen, "127.0.0.1:21");
  EXPECT_EQ(result.settings.admin.listen, "127.0.0.1:22");
  EXPECT_EQ(result.settings.data_dir, "/c");
  EXPECT_EQ(result.settings.log.level, LogLevel::warn);
  EXPECT_EQ(result.settings.log.format, LogFormat::text);
}

TEST(Overrides, EmptyVariablesCountAsNotSet) {
  const LoadResult result = load_whole("", {{"FAREBOX_LISTEN", ""}, {"FAREBOX_ADMIN_TOKEN", ""}});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.settings.listen, "127.0.0.1:4141");
}

TEST(Overrides, AreCheckedLikeTheFile) {
  LoadResult result = defaults(environment_of({{"FAREBOX_LISTEN", "4141"},
                                               {"FAREBOX_LOG_LEVEL", "loud"},
                                               {"FAREBOX_ADMIN_TOKEN", "hunter2\n"}}));
  Overrides overrides;
  overrides.data_dir = "";
  overrides.admin_listen = "nowhere";
  apply(overrides, "command line", result);
  check_whole(result);
  EXPECT_EQ(lines_of(result.errors),
            "environment: FAREBOX_LISTEN is '4141', it has no port or no host; write HOST:PORT, such "
            "as 127.0.0.1:4141\n"
            "environment: FAREBOX_LOG_LEVEL is 'loud', which it can't be; write one of debug, info, "
            "warn, error\n"
            "environment: FAREBOX_ADMIN_TOKEN can't be used, it ends with a line break, as `echo` "
            "adds one; make it with printf '%s'\n"
            "command line: --admin-listen is 'nowhere', it has no port or no host; write HOST:PORT, "
            "such as 127.0.0.1:4141\n"
            "command line: --data-dir is '', it is empty; write a value or remove the key\n");
}

}  // namespace
}  // namespace farebox
