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

constexpr Tokens kExpected = 200;  // what answers of the model mostly stay below

struct Planned {
  Record draft;
  Reservation first;  // what most calls ask, and no more is planned
  Reservation plan;
  const BudgetAsk& whole() const { return plan.ways.front().ask; }
  bool has_part() const { return plan.ways.size() > 1; }
  const BudgetAsk& last() const { return plan.ways.back().ask; }
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
    const CallBound* const known = bound ? &*bound : nullptr;
    planned.first = plan_reservation(made, planned.draft, known, rules_);
    planned.plan = plan_all_ways(made, planned.draft, known, kExpected, rules_);
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
  RouteTable routes_;
  Governor governor_{1, 1'000, clock_};
  BudgetShelf budgets_{*documents_, governor_, ledger_, clock_, log_};
  AuditLog audit_{ledger_, *documents_, clock_, log_};
  AlertDesk alerts_{*documents_, governor_, budgets_, ledger_, metrics_, clock_, log_};
  AnswerDesk answers_{"", log_, clock_};
  Services services_{settings_, prices_,    ledger_,    *documents_, keys_,    log_,      metrics_,
                     clock_,    providers_, directory_, routes_, admission_, tokens_, governor_, budgets_,
                     audit_,    alerts_, answers_, "farebox-test"};
};

// What every plan promises, however it came about.
void expect_sound(const Planned& planned) {
  const BudgetAmount worst{planned.draft.cost, planned.draft.usage.input + planned.draft.usage.output};
  for (const Reservation* const plan : {&planned.first, &planned.plan}) {
    ASSERT_FALSE(plan->ways.empty());
    EXPECT_EQ(plan->whole(), worst) << "the first way is the whole worst case";
    EXPECT_EQ(plan->ways.front().ask.least, worst) << "or nothing";
  }
  EXPECT_EQ(planned.first.ways.size(), 1u);
  EXPECT_EQ(planned.first.most_output, planned.plan.most_output);
  for (std::size_t i = 1; i < planned.plan.ways.size(); ++i) {
    const BudgetAsk& ask = planned.plan.ways[i].ask;
    EXPECT_LE(ask.least.money, ask.wanted.money);
    EXPECT_LE(ask.least.tokens, ask.wanted.tokens);
    EXPECT_LE(ask.wanted.money, worst.money);
    EXPECT_GT(ask.least.money, Money());
    EXPECT_LE(ask.least.money, planned.plan.ways[i - 1].ask.least.money) << "each asks for less";
  }
  EXPECT_FALSE(planned.plan.grows && planned.plan.must_lower) << "it is watched instead";
}

TEST_F(Plans, AWholeCallMayBeLoweredToALittle) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000)");
  expect_sound(planned);
  ASSERT_EQ(planned.plan.ways.size(), 2u);
  EXPECT_EQ(planned.plan.most_output, 1'000u);
  EXPECT_EQ(planned.last().wanted, planned.whole().wanted);
  EXPECT_EQ(planned.whole().wanted.tokens - planned.last().least.tokens, 1'000u - 16u);
  EXPECT_EQ(planned.last().share, 1u);
  EXPECT_EQ(planned.whole().spare, 1u);
  EXPECT_TRUE(planned.plan.ways.front().waits) << "the whole is better than a part";
  EXPECT_FALSE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.must_lower);
}

TEST_F(Plans, AShortAnswerHasNoLessToAskFor) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":5)");
  expect_sound(planned);
  EXPECT_EQ(planned.last().least, planned.whole().least);
}

TEST_F(Plans, WithoutClampThereIsOnlyTheWhole) {
  rules_.clamp = false;
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000)");
  expect_sound(planned);
  EXPECT_FALSE(planned.has_part());
  const Planned stream = chat(R"("model":"gpt-4.1-mini","stream":true)");
  EXPECT_TRUE(stream.has_part()) << "a stream grows without anything being lowered";
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

TEST_F(Plans, AStreamWithAMaximumHoldsTheWholeOrGrowsAtOnce) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","max_tokens":1000,"stream":true)");
  expect_sound(planned);
  ASSERT_GE(planned.plan.ways.size(), 2u);
  EXPECT_TRUE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.ways.front().waits);
  EXPECT_EQ(planned.whole().spare, 1u);
  EXPECT_EQ(planned.last().share, 1u) << "whatever is left";
}

TEST_F(Plans, AStreamWithoutAMaximumHoldsTheWholeOnlyWhereThereIsPlenty) {
  const Planned planned = chat(R"("model":"gpt-4.1-mini","stream":true)");
  expect_sound(planned);
  ASSERT_EQ(planned.plan.ways.size(), 3u);
  EXPECT_TRUE(planned.plan.grows);
  EXPECT_GT(planned.whole().spare, 1u);
  EXPECT_FALSE(planned.plan.ways.front().waits);
  const BudgetAsk& usual = planned.plan.ways[1].ask;
  EXPECT_GE(usual.least.tokens + 32'768u, planned.whole().wanted.tokens + kExpected);
  // A maximum will say what is held, so it asks for all it can get of its share.
  EXPECT_EQ(usual.wanted.tokens, planned.whole().wanted.tokens);
  EXPECT_GT(usual.share, 1u) << "many may run";
  EXPECT_EQ(planned.last().share, 1u) << "whatever is left";
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
    EXPECT_EQ(planned.whole().spare, 1u) << members;
    EXPECT_TRUE(planned.plan.ways.front().waits) << members;
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
  EXPECT_EQ(planned.whole().bound, Bound::known);
  EXPECT_GT(planned.whole().wanted.money, Money());
  EXPECT_FALSE(planned.has_part());
  EXPECT_FALSE(planned.plan.grows);
  EXPECT_FALSE(planned.plan.must_lower);
}

TEST_F(Plans, AnUnknownCostIsSaid) {
  EXPECT_EQ(chat(R"("model":"nobody-knows-1")").whole().bound, Bound::no_price);
  EXPECT_FALSE(chat(R"("model":"nobody-knows-1","stream":true)").has_part());
  const Planned unmetered = plan(call("/v1/something/else", R"({"model":"gpt-4.1-mini"})"));
  EXPECT_EQ(unmetered.whole().bound, Bound::no_meter);
  EXPECT_FALSE(unmetered.has_part());
}

TEST_F(Plans, ABodyThatIsNotHeldCannotBeLowered) {
  Call streamed = call("/v1/chat/completions", R"({"model":"gpt-4.1-mini","stream":true,"messages":[]})");
  streamed.buffered = false;
  EXPECT_FALSE(plan(streamed).has_part());
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
