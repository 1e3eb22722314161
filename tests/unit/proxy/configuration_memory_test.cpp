// What a start says of a configuration that was changed while nothing ran.
#include "proxy/configuration_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

struct Paper final : OctetStore {
  explicit Paper(std::optional<std::string>& its) : octets(its) {}
  Result<std::string> load() override {
    if (!octets) return Error(ErrorCode::not_found, "nothing yet");
    return *octets;
  }
  Result<void> save(std::string_view said) override {
    octets = said;
    return {};
  }
  Result<std::string> set_aside() override {
    octets.reset();
    return std::string("aside");
  }
  std::optional<std::string>& octets;
};

struct World {
  // What a start with this configuration says.
  std::optional<AuditChange> start(const std::string& text) {
    auto configuration = Configuration::make(load_whole(text).settings, nullptr);
    EXPECT_TRUE(configuration) << text;
    ConfigurationMemory memory(std::make_unique<Paper>(octets), log);
    auto change = memory.compare(**configuration);
    memory.keep(**configuration);
    return change;
  }
  std::optional<std::string> octets;
  SystemClock clock;
  Logger log{::open("/dev/null", O_WRONLY | O_CLOEXEC), Level::error, Logger::Format::json, clock};
};

constexpr const char* kFive =
    "budgets: [{name: a, scope: {org: x}, period: daily, limit_usd: 5}]\n"
    "providers: {a: {base_url: http://x, api_keys: [sk-a-provider-key-of-tests]}}";
constexpr const char* kNine =
    "budgets: [{name: a, scope: {org: x}, period: daily, limit_usd: 9}]\n"
    "providers: {a: {base_url: http://x, api_keys: [sk-a-provider-key-of-others]}}";

TEST(ConfigurationMemory, SaysWhatChangedWhileNothingRan) {
  World world;
  EXPECT_FALSE(world.start(kFive)) << "a first start";
  EXPECT_FALSE(world.start(kFive));
  const auto change = world.start(kNine);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->action, "config.start");
  EXPECT_EQ(change->target, "budgets, providers.a");
  EXPECT_NE(change->before.find("\"limitUsd\":\"5\""), std::string::npos) << change->before;
  EXPECT_NE(change->after.find("\"limitUsd\":\"9\""), std::string::npos) << change->after;
  EXPECT_FALSE(world.start(kNine)) << "told once";
  EXPECT_EQ(world.octets->find("sk-a-provider-key"), std::string::npos);
}

TEST(ConfigurationMemory, PricesAreToldOfToo) {
  World world;
  world.start("");
  const auto change = world.start("prices: {overrides: {m: {input: \"1\", output: \"2\"}}}");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->target, "prices");
  EXPECT_NE(change->before, change->after) << "the version of the table";
}

// Another version may have other keys and defaults: its digests say nothing.
TEST(ConfigurationMemory, AnUpdateIsNoChange) {
  World world;
  world.start(kFive);
  const std::size_t at = world.octets->find("\"defaults\":\"sha256:") + 19;
  (*world.octets)[at] = (*world.octets)[at] == '0' ? '1' : '0';
  const std::size_t via = world.octets->find("\"via\":\"sha256:") + 14;
  (*world.octets)[via] = (*world.octets)[via] == '0' ? '1' : '0';
  const std::string updated = *world.octets;
  EXPECT_FALSE(world.start(kFive));
  world.octets = updated;
  const auto change = world.start(kNine);
  ASSERT_TRUE(change) << "what both versions know of";
  EXPECT_EQ(change->target, "budgets");
}

TEST(ConfigurationMemory, WhatCantBeReadIsNotCompared) {
  for (const char* text : {"", "{}", "[1]", "{\"keys\":{\"a\":1},\"state\":{}}", "{\"keys\":{},\"state\":1}"}) {
    World world;
    world.octets = text;
    EXPECT_FALSE(world.start(kFive)) << text;
    EXPECT_FALSE(world.start(kFive)) << text;
    EXPECT_TRUE(world.start(kNine)) << text;
  }
}

TEST(ConfigurationMemory, WithoutAStoreNothingIsRemembered) {
  World world;
  const auto configuration = Configuration::make(Settings(), nullptr);
  ASSERT_TRUE(configuration);
  ConfigurationMemory memory(nullptr, world.log);
  memory.keep(**configuration);
  EXPECT_FALSE(memory.compare(**configuration));
}

}  // namespace
}  // namespace farebox
