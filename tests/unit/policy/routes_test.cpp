#include "policy/routes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using Order = std::vector<int>;

Settings settings_of(std::vector<RouteSettings> routes) {
  Settings settings;
  for (const auto& [name, dialect] :
       {std::pair("openai", DialectName::openai), std::pair("azure", DialectName::azure),
        std::pair("local", DialectName::openai), std::pair("anthropic", DialectName::anthropic)}) {
    ProviderSettings& provider = settings.providers.emplace_back();
    provider.name = name;
    provider.dialect = dialect;
  }
  settings.routes = std::move(routes);
  return settings;
}

RouteSettings route_to(std::vector<RouteTarget> targets, std::vector<RouteTarget> fallbacks = {}) {
  RouteSettings route;
  route.model = "m*";
  route.targets = std::move(targets);
  route.fallbacks = std::move(fallbacks);
  return route;
}

RouteTarget target(std::string provider, std::string model = "", std::uint32_t weight = 1) {
  RouteTarget made;
  made.provider = std::move(provider);
  made.model = std::move(model);
  made.weight = weight;
  return made;
}

ModelRoute made(const RouteSettings& route) { return RouteTable(settings_of({route})).routes().front(); }

Order plan(const ModelRoute& route, const std::vector<PlaceFacts>& facts, std::uint64_t random = 1,
           std::string_view sticky = "") {
  const RoutePlan planned = plan_route(route, facts, {"m1", sticky, random});
  return {planned.begin(), planned.end()};
}

PlaceFacts free_place() { return {}; }
PlaceFacts open_place() { return {.open = true}; }
PlaceFacts busy_place() { return {.saturated = true}; }

TEST(Routes, TheFirstThatFitsWins) {
  RouteSettings exact = route_to({target("azure")});
  exact.model = "gpt-4.1-mini";
  RouteSettings globbed = route_to({target("local")});
  globbed.model = "gpt-4.1*";
  RouteSettings claude = route_to({target("anthropic")});
  claude.model = "*";
  const RouteTable table(settings_of({exact, globbed, claude}));
  struct Row {
    const char* model;
    std::size_t provider;
    const char* pattern;  // null: no route
  };
  const Row rows[] = {
      {"gpt-4.1-mini", 0, "gpt-4.1-mini"}, {"gpt-4.1-mini", 1, "gpt-4.1-mini"},
      {"gpt-4.1", 0, "gpt-4.1*"},          {"gpt-4.1-nano", 2, "gpt-4.1*"},
      {"gpt-4", 0, nullptr},               {"", 0, nullptr},
      // A body of another family isn't translated.
      {"gpt-4.1", 3, "*"},                 {"anything", 3, "*"},
      {"gpt-4.1", 9, nullptr},
  };
  for (const Row& row : rows) {
    const ModelRoute* const found = table.find(row.model, row.provider);
    ASSERT_EQ(found != nullptr, row.pattern != nullptr) << row.model;
    EXPECT_EQ(found != nullptr ? found->pattern : "", row.pattern != nullptr ? row.pattern : "");
  }
  EXPECT_EQ(RouteTable().find("m", 0), nullptr);
}

TEST(Routes, PlacesThatCantTakeACallArePassedOver) {
  const ModelRoute route = made(route_to({target("openai")}, {target("azure"), target("local")}));
  ModelRoute strict = route;
  strict.fallback_on.breaker = false;
  const PlaceFacts ok = free_place(), open = open_place(), busy = busy_place();
  struct Row {
    std::vector<PlaceFacts> facts;
    Order order, strict_order;
  };
  const Row rows[] = {
      {{ok, ok, ok}, {0, 1, 2}, {0, 1, 2}},
      {{ok, open, ok}, {0, 2}, {0, 2}},
      {{ok, busy, ok}, {0, 2, 1}, {0, 2, 1}},
      {{open, ok, ok}, {1, 2}, {0, 1, 2}},
      {{open, open, ok}, {2}, {0, 2}},
      {{busy, ok, ok}, {1, 2, 0}, {0, 1, 2}},
      {{busy, busy, busy}, {0, 1, 2}, {0, 1, 2}},
      {{busy, open, open}, {0}, {0}},
      {{open, open, busy}, {2}, {0, 2}},
      {{open, open, open}, {0}, {0}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(plan(route, row.facts), row.order);
    EXPECT_EQ(plan(strict, row.facts), row.strict_order);
  }
}

TEST(Routes, TheSameProviderAndModelIsTriedOnce) {
  const ModelRoute route = made(route_to(
      {target("openai"), target("openai", "m1")},
      {target("openai", "m1"), target("openai", "m2"), target("azure"), target("openai", "m2")}));
  const std::vector<PlaceFacts> facts(6);
  for (std::uint64_t random = 0; random < 50; ++random) {
    const Order order = plan(route, facts, random * 0x123456789ABCDEF);
    ASSERT_EQ(order.size(), 3u);
    EXPECT_LT(order[0], 2);
    EXPECT_EQ(order[1], 3);
    EXPECT_EQ(order[2], 4);
  }
}

TEST(Routes, WeightsDivideTheCalls) {
  const ModelRoute route =
      made(route_to({target("openai", "", 9), target("azure", "", 1), target("local", "", 0)}));
  std::mt19937_64 random(3);
  std::map<int, int> first;
  for (int i = 0; i < 20'000; ++i) {
    const Order order = plan(route, std::vector<PlaceFacts>(3), random());
    ASSERT_EQ(order.size(), 3u);
    ASSERT_EQ(order[2], 2);  // weight 0: when nobody else can
    ++first[order[0]];
  }
  EXPECT_NEAR(first[0], 18'000, 300);
  EXPECT_NEAR(first[1], 2'000, 300);
}

TEST(Routes, LeastLoadedLooksAtWhatEachHasForItsWeight) {
  RouteSettings said = route_to({target("openai", "", 2), target("azure", "", 1)});
  said.policy = RoutePolicy::least_loaded;
  const ModelRoute route = made(said);
  struct Row {
    std::uint32_t first, second;
    int picked;  // -1: either
  };
  const Row rows[] = {{0, 0, 0}, {1, 0, -1}, {2, 0, 1}, {1, 1, 0}, {10, 5, 0}, {12, 5, 1}};
  for (const Row& row : rows) {
    std::set<int> picked;
    for (std::uint64_t random = 0; random < 64; ++random) {
      const std::vector<PlaceFacts> facts = {{.in_flight = row.first}, {.in_flight = row.second}};
      picked.insert(plan(route, facts, random << 58)[0]);
    }
    if (row.picked < 0) {
      EXPECT_EQ(picked.size(), 2u);
    } else {
      EXPECT_EQ(picked, std::set<int>{row.picked}) << row.first << " " << row.second;
    }
  }
}

TEST(Routes, LowestLatencyTriesTheUnknownThenTheFastestAndExploresALittle) {
  RouteSettings said = route_to({target("openai"), target("azure"), target("local")});
  said.policy = RoutePolicy::lowest_latency;
  const ModelRoute route = made(said);
  const PlaceFacts slow{.latency = 900ms}, fast{.latency = 100ms};
  const PlaceFacts unknown{}, being_tried{.in_flight = 1, .explored = true};
  const PlaceFacts busy_otherwise{.in_flight = 9};
  struct Row {
    std::vector<PlaceFacts> facts;
    int picked;
  };
  const Row rows[] = {
      {{slow, fast, slow}, 1},
      {{slow, fast, unknown}, 2},
      {{slow, fast, being_tried}, 1},
      {{being_tried, slow, being_tried}, 1},
      {{slow, fast, busy_otherwise}, 2},
  };
  std::mt19937_64 random(5);
  for (const Row& row : rows) {
    std::map<int, int> first;
    for (int i = 0; i < 4'000; ++i) ++first[plan(route, row.facts, random())[0]];
    EXPECT_GT(first[row.picked], 3'700);
    EXPECT_EQ(first.size(), 3u);
  }
}

TEST(Routes, StickyCallersStayAndAChangedListMovesFew) {
  RouteSettings said =
      route_to({target("openai", "", 3), target("azure", "", 1), target("local", "", 1)});
  said.sticky = RouteSticky::user;
  const ModelRoute three = made(said);
  said.targets.pop_back();
  const ModelRoute two = made(said);
  std::map<int, int> first;
  int moved = 0;
  constexpr int kUsers = 10'000;
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const int home = plan(three, std::vector<PlaceFacts>(3), 1, user)[0];
    for (std::uint64_t random = 2; random < 5; ++random) {
      ASSERT_EQ(plan(three, std::vector<PlaceFacts>(3), random, user)[0], home);
    }
    ++first[home];
    const int later = plan(two, std::vector<PlaceFacts>(2), 1, user)[0];
    ASSERT_TRUE(home == 2 || later == home);  // only those of the target that went
    moved += later != home;
    // When its home is open, a caller has one other.
    std::vector<PlaceFacts> facts(3);
    facts[static_cast<std::size_t>(home)].open = true;
    ASSERT_EQ(plan(three, facts, 1, user), plan(three, facts, 9, user));
  }
  EXPECT_NEAR(first[0], kUsers * 3 / 5, 250);
  EXPECT_NEAR(first[1], kUsers / 5, 250);
  EXPECT_EQ(moved, first[2]);
  // Nobody known: as the policy says.
  std::set<int> anybody;
  for (std::uint64_t random = 0; random < 64; ++random) {
    anybody.insert(plan(three, std::vector<PlaceFacts>(3), random << 58)[0]);
  }
  EXPECT_EQ(anybody.size(), 3u);
}

// Whatever is known of the places: the plan isn't empty, names nobody twice, and has no open
// place unless its targets have nothing else.
TEST(Routes, PlansHoldOverRandomFacts) {
  std::mt19937_64 random(17);
  const char* const names[] = {"openai", "azure", "local"};
  for (int round = 0; round < 5'000; ++round) {
    RouteSettings said;
    said.model = "m*";
    said.policy = static_cast<RoutePolicy>(random() % 3);
    said.sticky = static_cast<RouteSticky>(random() % 3);
    said.fallback_on.breaker = random() % 2 == 0;
    const auto any = [&] {
      const std::string model = random() % 2 == 0 ? "" : "m" + std::to_string(random() % 3);
      return target(names[random() % 3], model, static_cast<std::uint32_t>(random() % 4));
    };
    const std::size_t targets = 1 + random() % 8;
    const std::size_t fallbacks = random() % 9;
    for (std::size_t i = 0; i < targets; ++i) said.targets.push_back(any());
    said.targets[0].weight = 1;
    for (std::size_t i = 0; i < fallbacks; ++i) said.fallbacks.push_back(any());
    const ModelRoute route = made(said);
    std::vector<PlaceFacts> facts(targets + fallbacks);
    for (PlaceFacts& one : facts) {
      one.open = random() % 3 == 0;
      one.saturated = random() % 3 == 0;
      one.in_flight = static_cast<std::uint32_t>(random() % 5);
      if (random() % 2 == 0) one.latency = std::chrono::milliseconds(random() % 1'000);
    }
    const Order order = plan(route, facts, random(), random() % 2 == 0 ? "" : "joe");
    ASSERT_FALSE(order.empty());
    std::set<std::pair<std::size_t, std::string>> seen;
    bool all_targets_open = true;
    for (std::size_t i = 0; i < targets; ++i) all_targets_open &= facts[i].open;
    for (const int index : order) {
      const auto at = static_cast<std::size_t>(index);
      const RoutePlace& place = route.places[at];
      ASSERT_TRUE(seen.emplace(place.provider, place.model_for("m1")).second);
      ASSERT_TRUE(!facts[at].open || (all_targets_open && route.is_target(at)));
    }
    if (!all_targets_open && !said.fallback_on.breaker) {
      ASSERT_TRUE(route.is_target(static_cast<std::size_t>(order[0])));
    }
  }
}

}  // namespace
}  // namespace farebox
