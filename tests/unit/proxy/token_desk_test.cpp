#include "proxy/token_desk.hpp"

#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>

#include "config/tokenizer.hpp"
#include "policy/tokens/token_counter.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kClaude = "claude-sonnet-4-5";

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string body_of(const std::string& text, std::string_view more = "") {
  return R"({"model":"claude-sonnet-4-5","max_tokens":9)" + std::string(more) +
         R"(,"messages":[{"role":"user","content":")" + text + R"("}]})";
}

TokenLesson lesson_of(std::string body, Tokens input, std::string output = "", Tokens said = 0) {
  TokenLesson lesson;
  lesson.order = {Endpoint::messages, "anthropic", std::string(kClaude), std::move(body), std::move(output)};
  lesson.input = input;
  lesson.output = said;
  return lesson;
}

class TokenClerkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!TokenCounter::make(Encoding::o200k_base)) GTEST_SKIP() << "built without vocabularies";
  }
  std::uint32_t ratio(Side side) const { return ratios_.find("anthropic", kClaude, side)->ratio(); }
  std::uint64_t lessons(Side side) const { return ratios_.find("anthropic", kClaude, side)->lessons(); }

  RatioKeeper ratios_;
  TokenClerk clerk_{ratios_};
};

TEST_F(TokenClerkTest, LearnsWhatItThenCountsWith) {
  const std::string text = repeated("hello world ", 500);  // 1001 tokens, 4 of the message
  const TokenOrder order = lesson_of(body_of(text), 0, text).order;
  EXPECT_EQ(clerk_.count(order).input, 1166u);
  for (int i = 0; i < 300; ++i) clerk_.learn(lesson_of(body_of(text), 1305, text, 1500));
  EXPECT_NEAR(ratio(Side::input), 1300, 10);
  EXPECT_NEAR(ratio(Side::output), 1500, 15);
  const TokenCounts counts = clerk_.count(order);
  EXPECT_NEAR(static_cast<double>(*counts.input), 1305, 15);
  EXPECT_NEAR(static_cast<double>(*counts.output), 1500, 20);
  EXPECT_EQ(counts.input_rule, Estimate::input_ratio);
}

TEST_F(TokenClerkTest, LearnsFromTextsAlone) {
  const std::string text = repeated("hello world ", 100);
  const std::string tool = R"(,"tools":[{"name":"f","input_schema":{"type":"object"}}])";
  const std::string image = R"({"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[
      {"type":"image","source":{"type":"url","url":"https://x"}},{"type":"text","text":")" + text + R"("}]}]})";
  for (const std::string& body : {body_of(text, tool), image, body_of("short"), std::string("no JSON"),
                                  body_of(text, R"(,"cachedContent":"x")"), std::string()}) {
    clerk_.learn(lesson_of(body, 300));
    EXPECT_EQ(lessons(Side::input), 0u) << body;
  }
  clerk_.learn(lesson_of(body_of(text), 0, "short", 5));
  EXPECT_EQ(lessons(Side::output), 0u);
  TokenLesson exact = lesson_of(body_of(text), 300);
  exact.order.model = "gpt-4o";
  clerk_.learn(exact);
  exact.order.model = "nobody-knows";
  clerk_.learn(exact);
  EXPECT_FALSE(ratios_.find("anthropic", "gpt-4o", Side::input));
}

// Once, an answer was counted as JSON writes it: each line's end was two letters.
TEST_F(TokenClerkTest, CountsTheTextBehindTheEscapes) {
  TokenOrder order;
  order.endpoint = Endpoint::chat_completions;
  order.model = "gpt-4o";
  order.output = R"(one\n\ntwo \"three\" \u00fcber \ud83d\ude00)";
  auto counter = TokenCounter::make(Encoding::o200k_base);
  EXPECT_EQ(clerk_.count(order).output, counter->count("one\n\ntwo \"three\" \u00fcber \U0001F600"));
}

TEST(LessonGate, LetsAFewOfEachModelPass) {
  LessonGate gate;
  const SteadyTime start{1h};
  EXPECT_TRUE(gate.pass("anthropic", kClaude, start));
  EXPECT_FALSE(gate.pass("anthropic", kClaude, start));
  EXPECT_FALSE(gate.pass("anthropic", kClaude, start + LessonGate::kPause - 1ms));
  EXPECT_TRUE(gate.pass("anthropic", kClaude, start + LessonGate::kPause));
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += gate.pass("anthropic", "model-" + std::to_string(i), start + 1h);
  EXPECT_GT(passed, 70);
}

TEST(TokenDesk, OrdersAreDoneWhileLessonsCome) {
  TokenDesk desk;
  const std::string text = repeated("hello world ", 500);
  for (int i = 0; i < 50; ++i) desk.submit(lesson_of(body_of(text), 1305, text, 1500));
  std::promise<TokenCounts> told;
  ASSERT_TRUE(desk.submit(lesson_of(body_of(text), 0).order, [&](const TokenCounts& counts) { told.set_value(counts); }));
  auto counts = told.get_future();
  ASSERT_EQ(counts.wait_for(30s), std::future_status::ready);
  desk.close();
  desk.submit(lesson_of(body_of(text), 1305));  // nobody is there: no harm
}

// A store that lives in a string, and may refuse.
class ScriptedStore final : public OctetStore {
 public:
  struct World {
    std::optional<std::string> octets;
    bool fails = false;
    int saves = 0, set_aside = 0;
  };
  explicit ScriptedStore(World& world) : world_(world) {}
  Result<std::string> load() override {
    if (!world_.octets) return Error(ErrorCode::not_found);
    return *world_.octets;
  }
  Result<void> save(std::string_view octets) override {
    if (world_.fails) return Error(ErrorCode::io_failed, "full");
    ++world_.saves;
    world_.octets = octets;
    return {};
  }
  Result<std::string> set_aside() override {
    ++world_.set_aside;
    world_.octets.reset();
    return std::string("aside");
  }

 private:
  World& world_;
};

struct KeeperWorld {
  SystemClock clock;
  Logger log{2, Level::error, Logger::Format::json, clock};
  ScriptedStore::World store;

  std::unique_ptr<RatioKeeper> keeper() {
    auto made = std::make_unique<RatioKeeper>();
    made->keep_in(std::make_unique<ScriptedStore>(store), log);
    return made;
  }
};

TEST(RatioKeeper, KeepsWhatWasLearnt) {
  KeeperWorld world;
  const auto first = world.keeper();
  first->save();
  EXPECT_EQ(world.store.saves, 0) << "nothing was learnt";
  for (int i = 0; i < 100; ++i) first->learn({"anthropic", kClaude, Side::input, 1000, 1400});
  first->save();
  first->save();
  EXPECT_EQ(world.store.saves, 1);
  EXPECT_EQ(world.keeper()->find("anthropic", kClaude, Side::input)->state(),
            first->find("anthropic", kClaude, Side::input)->state());
  EXPECT_EQ(world.store.set_aside, 0);
}

TEST(RatioKeeper, BeginsAnewBehindDamage) {
  KeeperWorld world;
  world.store.octets = "farebox-token-ratios 1\nnonsense";
  const auto keeper = world.keeper();
  EXPECT_EQ(world.store.set_aside, 1);
  EXPECT_EQ(keeper->find("anthropic", kClaude, Side::input)->lessons(), 0u);
  keeper->learn({"anthropic", kClaude, Side::input, 1000, 1400});
  keeper->save();
  EXPECT_EQ(world.keeper()->find("anthropic", kClaude, Side::input)->lessons(), 1u);
}

TEST(RatioKeeper, TriesAgainWhatCouldntBeSaved) {
  KeeperWorld world;
  const auto keeper = world.keeper();
  keeper->learn({"anthropic", kClaude, Side::input, 1000, 1400});
  world.store.fails = true;
  keeper->save();
  world.store.fails = false;
  keeper->save();
  EXPECT_EQ(world.store.saves, 1);
}

}  // namespace
}  // namespace farebox
