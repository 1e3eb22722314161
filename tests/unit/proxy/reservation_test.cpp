// What a call asks of its budgets, by what kind of call it is.
#include "proxy/reservation.hpp"

#include <gtest/gtest.h>

#include "storage/memory_ledger.hpp"
#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using Bound = BudgetAsk::Bound;

class StoppedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);
  }
};

// The bundled prices, and a model whose sizes nobody knows.
PriceTable prices() {
  const auto bundled = PriceTable::bundled();
  EXPECT_TRUE(bundled);
  auto made = bundled->overridden({{"priced-alone", R"({"input":"1","output":"2"})"}});
  EXPECT_TRUE(made) << made.error().context;
  return std::move(*made);
}

struct Planned {
  Record draft;
  Reservation plan;
};

class Plans : public ::testing::Test {
 protected:
  Plans() {
    providers_.push_back(testing::make_provider("openai", DialectName::openai, "https://api.openai.com"));
    providers_.push_back(
        testing::make_provider("anthropic", DialectName::anthropic, "https://api.anthropic.com"));
  }

  Call call(const std::string& path, const std::string& body, std::size_t provider = 0) {
    Call made;
    made.provider = providers_[provider].get();
    made.dialect = made.provider->settings.dialect;
    made.target = path;
    made.route = made.provider->dialect.recognise("POST", path);
    made.buffered = true;
    made.body = body;
    auto facts = made.provider->dialect.read_body(made.route, "application/json", body);
    EXPECT_TRUE(facts) << body;
    if (facts) made.facts = std::move(*facts);
    made.model = made.facts.model;
    return made;
  }

  // As `hold` does it.
  Planned plan(const Call& made) {
    Planned planned;
    planned.draft = stages::begin_record(services_, made, {});
    std::optional<CallBound> bound;
    if (is_metered(made.route.endpoint)) {
      bound.emplace(services_, made, planned.draft);
      const WorstCase worst = bound->whole();
      planned.draft.usage = worst.usage;
      planned.draft.cost = worst.bill.cost;
      planned.draft.priced = worst.bill.priced;
    }
    planned.plan = plan_reservation(made, planned.draft, bound ? &*bound : nullptr, rules_);
    return planned;
  }
  Planned chat(const std::string& members) {
    return plan(call("/v1/chat/completions",
                     R"({"messages":[{"role":"user","content":"hello"}],)" + members + "}"));
  }

  StoppedClock clock_;
  Settings settings_;
  EnforcementSettings& rules_ = settings_.enforcement;
  PriceTable prices_ = prices();
  MemoryLedger ledger_{10};
  std::unique_ptr<DocumentStore> documents_ = make_memory_document_store();
  Logger log_{2, Level::error, Logger::Format::json, clock_};
  KeyDesk keys_{*documents_, log_, clock_};
  Metrics metrics_{10};
  Admission admission_;
  TokenDesk tokens_;
  Providers providers_;
  Directory directory_{providers_};
  Governor governor_{1, 1'000, clock_};
  BudgetShelf budgets_{*documents_, governor_, ledger_, clock_, log_};
  Services services_{settings_, prices_,    ledger_,    *documents_, keys_,    log_,      metrics_,
                     clock_,    providers_, directory_, admission_,  tokens_, governor_, budgets_,
                     "farebox-test"};
};

// What every plan promises, however it came about.
void expect_sound(const Planned& planned) {
  const Reservation& plan = planned.plan;
  const BudgetAmount worst{planned.draft.cost, planned.draft.usage.input + planned.draft.usage.output};
  EXPECT_EQ(plan.whole.wanted, worst) << "the whole is the whole worst case";
  EXPECT_EQ(plan.whole.least, worst) << "or nothing";
  if (!plan.part) return;
  EXPECT_LE(plan.part->least.money, plan.part->wanted.money);
  EXPECT_LE(plan.part->least.tokens, plan.part->wanted.tokens);
  EXPECT_LE(plan.part->wanted.money, worst.money);
  EXPECT_GT(plan.part->least.money, Money());
}

TEST_F(Plans, AWholeCallMayBeLoweredToALittle) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000)");
  expect_sound(planned);
  ASSERT_TRUE(planned.plan.part);
  EXPECT_EQ(planned.plan.most_output, 1'000u);
  EXPECT_LT(planned.plan.part->least.money, planned.plan.whole.least.money);
  EXPECT_EQ(planned.plan.part->wanted, planned.plan.whole.wanted);
  EXPECT_EQ(planned.plan.whole.wanted.tokens - planned.plan.part->least.tokens, 1'000u - 16u);
  EXPECT_EQ(planned.plan.part->share, 1u);
  EXPECT_EQ(planned.plan.whole.spare, 1u);
  EXPECT_FALSE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.begins_small);
  EXPECT_FALSE(planned.plan.must_lower);
}

TEST_F(Plans, AShortAnswerHasNoLessToAskFor) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":5)");
  expect_sound(planned);
  ASSERT_TRUE(planned.plan.part);
  EXPECT_EQ(planned.plan.part->least, planned.plan.whole.least);
}

TEST_F(Plans, WithoutClampThereIsOnlyTheWhole) {
  rules_.clamp = false;
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000)");
  expect_sound(planned);
  EXPECT_FALSE(planned.plan.part);
  const Planned stream = chat(R"("model":"gpt-4.1-mini","stream":true)");
  EXPECT_TRUE(stream.plan.part) << "a stream grows without anything being lowered";
}

TEST_F(Plans, AMaximumOfTheModelStandsIn) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini")");
  expect_sound(planned);
  EXPECT_EQ(planned.plan.most_output, 32'768u);
  EXPECT_FALSE(planned.plan.must_lower);
}

TEST_F(Plans, WithoutAnyMaximumWeSetOne) {
  const Planned planned = chat(R"("model":"priced-alone")");
  expect_sound(planned);
  EXPECT_TRUE(planned.draft.priced);
  EXPECT_EQ(planned.plan.most_output, rules_.default_max_output_tokens);
  EXPECT_TRUE(planned.plan.must_lower);
  EXPECT_FALSE(planned.plan.grows);
}

TEST_F(Plans, AStreamWithAMaximumHoldsTheWholeOrGrowsFromAShare) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000,"stream":true)");
  expect_sound(planned);
  ASSERT_TRUE(planned.plan.part);
  EXPECT_TRUE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.begins_small);
  EXPECT_GT(planned.plan.part->share, 1u);
  EXPECT_EQ(planned.plan.part->wanted, planned.plan.whole.wanted);
  EXPECT_EQ(planned.plan.whole.spare, 1u);
}

TEST_F(Plans, AStreamWithoutAMaximumBeginsSmallWhereThereIsNoPlenty) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","stream":true)");
  expect_sound(planned);
  ASSERT_TRUE(planned.plan.part);
  EXPECT_TRUE(planned.plan.grows);
  EXPECT_TRUE(planned.plan.begins_small);
  EXPECT_GT(planned.plan.whole.spare, 1u);
  EXPECT_EQ(planned.plan.whole.wanted.tokens - planned.plan.part->wanted.tokens, 32'768u - 1'024u);
}

TEST_F(Plans, WhatNobodySeesIsHeldBefore) {
  // The whole worst case, or a lower maximum: never a hold that grows behind hidden output.
  for (const char* members : {
           R"("model":"gpt-5-mini","stream":true)",
           R"("model":"o3","stream":true,"max_completion_tokens":900)",
           R"("model":"gpt-4.1-mini","stream":true,"reasoning":{"effort":"low"})",
           R"("model":"gpt-4.1-mini","stream":true,"thinking":{"type":"enabled"})",
           R"("model":"gpt-4.1-mini","stream":true,"n":2)",
           R"("model":"gpt-4.1-mini","stream":true,"prediction":{"type":"content","content":"abc"})",
           R"("model":"gpt-4o-search-preview","stream":true)",
           R"("model":"gpt-4.1-mini")",
       }) {
    const Planned planned = chat(members);
    expect_sound(planned);
    EXPECT_FALSE(planned.plan.grows) << members;
    EXPECT_FALSE(planned.plan.begins_small) << members;
    EXPECT_EQ(planned.plan.whole.spare, 1u) << members;
  }
}

TEST_F(Plans, AThinkingAnthropicStreamHoldsTheWhole) {
  const auto messages = [&](const std::string& more) {
    return plan(call("/v1/messages",
                     R"({"model":"claude-sonnet-4-5","max_tokens":4000,"stream":true,)"
                     R"("messages":[{"role":"user","content":"hi"}])" + more + "}", 1));
  };
  EXPECT_TRUE(messages("").plan.grows);
  for (const char* more : {R"(,"thinking":{"type":"enabled","budget_tokens":2000})",
                           R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])"}) {
    const Planned planned = messages(more);
    expect_sound(planned);
    EXPECT_FALSE(planned.plan.grows) << more;
  }
}

TEST_F(Plans, AnEmbeddingIsTheWholeOrNothing) {
  const Planned planned =
      plan(call("/v1/embeddings", R"({"model":"text-embedding-3-small","input":"hello"})"));
  expect_sound(planned);
  EXPECT_EQ(planned.plan.whole.bound, Bound::known);
  EXPECT_GT(planned.plan.whole.wanted.money, Money());
  EXPECT_FALSE(planned.plan.part);
  EXPECT_FALSE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.must_lower);
}

TEST_F(Plans, AnUnknownCostIsSaid) {
  EXPECT_EQ(chat(R"("model":"nobody-knows-1")").plan.whole.bound, Bound::no_price);
  EXPECT_FALSE(chat(R"("model":"nobody-knows-1","stream":true)").plan.part);
  const Planned unmetered = plan(call("/v1/something/else", R"({"model":"gpt-4.1-mini"})"));
  EXPECT_EQ(unmetered.plan.whole.bound, Bound::no_meter);
  EXPECT_FALSE(unmetered.plan.part);
}

TEST_F(Plans, ABodyThatIsNotHeldCannotBeLowered) {
  Call streamed = call("/v1/chat/completions", R"({"model":"gpt-4.1-mini","stream":true,"messages":[]})");
  streamed.buffered = false;
  EXPECT_FALSE(plan(streamed).plan.part);
}

TEST_F(Plans, ListsAndFilesCostNothing) {
  const auto costs = [&](std::string_view method, const std::string& path) {
    Call made = call(path, "{}");
    made.route = made.provider->dialect.recognise(method, path);
    return !costs_nothing(method, made);
  };
  EXPECT_FALSE(costs("GET", "/v1/models"));
  EXPECT_FALSE(costs("POST", "/v1/moderations"));
  EXPECT_FALSE(costs("GET", "/v1/files"));
  EXPECT_FALSE(costs("DELETE", "/v1/files/file-1"));
  EXPECT_TRUE(costs("POST", "/v1/chat/completions"));
  EXPECT_TRUE(costs("POST", "/v1/batches")) << "work that somebody will bill";
  EXPECT_TRUE(costs("POST", "/v1/fine_tuning/jobs"));
  EXPECT_TRUE(costs("POST", "/v1/something/else"));
  EXPECT_TRUE(costs("GET", "/v1/something/else")) << "nobody knows what it does";
}

}  // namespace
}  // namespace farebox
