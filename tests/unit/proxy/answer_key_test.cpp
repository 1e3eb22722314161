// What sets one call's answer apart: tenants first.
#include "proxy/answer_key.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

class Keys : public ::testing::Test {
 protected:
  Keys() {
    providers_.push_back(testing::make_provider("openai", DialectName::openai, "https://api.openai.com"));
    providers_.push_back(testing::make_provider("other", DialectName::openai, "https://other.example"));
    head_.method = "POST";
    call_.provider = providers_[0].get();
    call_.route = call_.provider->dialect.recognise("POST", "/v1/embeddings");
    call_.target = "/v1/embeddings";
    call_.model = "text-embedding-3-small";
  }

  void field(std::string_view name, std::string_view value) { head_.fields.push_back({name, value}); }

  // Of a virtual key of that name, with the caller's project and organisation; "": without one.
  AnswerKey key(Sharing share = Sharing::key, std::string_view key_id = "") {
    caller_.owner.reset();
    if (!key_id.empty()) caller_.owner = {std::string(key_id), caller_.org, caller_.project};
    const auto body = digest_body(R"({"model":"text-embedding-3-small","input":"same"})", DialectName::openai);
    return answer_key(tenant_of(call_, caller_, head_, share), call_, head_, *body, false);
  }

  Providers providers_;
  http::RequestHead head_;
  Call call_;
  Caller caller_;
};

TEST_F(Keys, TheSameIsTheSame) { EXPECT_EQ(key(Sharing::key, "k"), key(Sharing::key, "k")); }

TEST_F(Keys, WhateverTheProviderIsToldSetsApart) {
  std::set<AnswerKey> seen{key()};
  const auto is_new = [&] { return seen.insert(key()).second; };
  field("openai-beta", "assistants=v2");
  EXPECT_TRUE(is_new());
  field("OpenAI-Beta", "more");
  EXPECT_TRUE(is_new());
  call_.target = "/v1/embeddings?api-version=2";
  EXPECT_TRUE(is_new());
  call_.model = "text-embedding-3-large";
  EXPECT_TRUE(is_new());
  call_.provider = providers_[1].get();
  EXPECT_TRUE(is_new());
  field("authorization", "Bearer sk-another");
  EXPECT_TRUE(is_new());
  field("user-agent", "x/1");
  field("x-stainless-retry-count", "1");
  field("traceparent", "00-1");
  EXPECT_FALSE(is_new());
}

TEST_F(Keys, SharingIsByName) {
  caller_.org = "acme";
  caller_.project = "search";
  const auto here = [&](Sharing share, std::string_view id) { return key(share, id); };
  EXPECT_NE(here(Sharing::key, "a"), here(Sharing::key, "b"));
  EXPECT_EQ(here(Sharing::project, "a"), here(Sharing::project, "b"));
  EXPECT_EQ(here(Sharing::org, "a"), here(Sharing::org, "b"));
  EXPECT_EQ(here(Sharing::all, "a"), here(Sharing::all, "b"));
  const AnswerKey project = here(Sharing::project, "a"), org = here(Sharing::org, "a");
  caller_.project = "ads";
  EXPECT_NE(here(Sharing::project, "a"), project);
  EXPECT_EQ(here(Sharing::org, "a"), org);
  // What headers claim is no project to share by.
  EXPECT_NE(here(Sharing::project, ""), here(Sharing::project, "a"));
  EXPECT_NE(here(Sharing::org, ""), here(Sharing::org, "a"));
  // Who has no project shares with nobody.
  caller_.project = caller_.org = "";
  EXPECT_NE(here(Sharing::project, "a"), here(Sharing::project, "b"));
  EXPECT_NE(here(Sharing::org, "a"), here(Sharing::org, "b"));
}

// Reliability, row X7.
TEST_F(Keys, AHundredThousandPairsOfTenantsHaveNoKeyInCommon) {
  std::mt19937_64 random(7);
  const auto name = [&] {
    static constexpr char kLetters[] = "ab:\0/ ";
    std::string text;
    for (std::size_t size = random() % 6; size != 0; --size) text += kLetters[random() % 6];
    return text;
  };
  struct Tenant {
    std::string key, org, project, credential;
    bool operator==(const Tenant&) const = default;
  };
  int pairs = 0, shared = 0;
  while (pairs < 100'000) {
    AnswerKey keys[2];
    Tenant tenants[2];
    for (int i = 0; i < 2; ++i) {
      // Some differ in one thing only.
      tenants[i] = i == 1 && random() % 2 ? tenants[0] : Tenant{name(), name(), name(), name()};
      if (i == 1) {
        switch (random() % 4) {
          case 0: tenants[1].key = name(); break;
          case 1: tenants[1].credential = name(); break;
          case 2: std::swap(tenants[1].key, tenants[1].credential); break;
          default: break;
        }
      }
      caller_.org = tenants[i].org;
      caller_.project = tenants[i].project;
      head_.fields.clear();
      field("authorization", tenants[i].credential);
      keys[i] = key(Sharing::key, tenants[i].key);
    }
    const bool same_key = tenants[0].key == tenants[1].key;
    const bool same_credential = tenants[0].credential == tenants[1].credential;
    // A virtual key is a tenant whatever its headers say of projects.
    const bool keyless = tenants[0].key.empty();
    const bool same_project = tenants[0].org == tenants[1].org && tenants[0].project == tenants[1].project;
    const bool same = same_key && same_credential && (!keyless || same_project);
    if (same) continue;
    ++pairs;
    shared += keys[0] == keys[1];
  }
  EXPECT_EQ(shared, 0);
}

}  // namespace
}  // namespace farebox
