#include "policy/routes.hpp"

#include <algorithm>
#include <cmath>

#include "config/base/check.hpp"
#include "config/route_rules.hpp"
#include "policy/key_ring.hpp"
#include "policy/random.hpp"

namespace farebox {
namespace {

static_assert(kMostRoutePlaces <= 256, "a plan counts places in octets");
constexpr std::uint64_t kExploreOneIn = 20;  // calls that ask another than the fastest

// FNV-1a under a mixing function: the same in every process, so that several proxies agree
// whose target is which.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  return (hash ^ 0xFF) * 0x100000001B3;  // no text holds it: the end of a part
}

// Weighted rendezvous hashing: each target draws a number for this caller, the highest wins,
// so a list that changes moves only the callers of what came or went.
double rendezvous_score(const RoutePlace& place, std::string_view caller) {
  const std::uint64_t mixed = Random(hash_of(caller, place.identity)).next() >> 11;  // 53 bits
  const double unit = (static_cast<double>(mixed) + 0.5) / 9007199254740992.0;
  return -static_cast<double>(place.weight) / std::log(unit);
}

// Puts the targets of one route in order, best first.
class Picker {
 public:
  Picker(const ModelRoute& route, std::span<const PlaceFacts> facts, const PickBy& by)
      : route_(route), facts_(facts), by_(by), random_(by.random) {}

  RoutePlan order() {
    RoutePlan order;
    for (std::size_t i = 0; i < route_.targets; ++i) {
      if (route_.places[i].weight != 0) order.push_back(static_cast<std::uint8_t>(i));
    }
    if (route_.sticky != RouteSticky::none && !by_.sticky.empty()) {
      sort(order, [this](std::uint8_t a, std::uint8_t b) {
        return rendezvous_score(place(a), by_.sticky) > rendezvous_score(place(b), by_.sticky);
      });
      return with_weightless(order);
    }
    shuffle_by_weight(order);  // equal ones take turns
    switch (route_.policy) {
      case RoutePolicy::weighted: break;
      case RoutePolicy::least_loaded:
        sort(order, [this](auto a, auto b) { return less_loaded(a, b); });
        break;
      case RoutePolicy::lowest_latency: {
        const bool explore = draw_below(kExploreOneIn, random_.next()) == 0;
        if (!explore) sort(order, [this](auto a, auto b) { return faster(a, b); });
        break;
      }
    }
    return with_weightless(order);
  }

 private:
  const RoutePlace& place(std::uint8_t index) const { return route_.places[index]; }

  template <class Less>
  static void sort(RoutePlan& order, Less less) {
    std::stable_sort(order.begin(), order.end(), less);
  }

  RoutePlan with_weightless(RoutePlan order) const {
    for (std::size_t i = 0; i < route_.targets; ++i) {
      if (route_.places[i].weight == 0) order.push_back(static_cast<std::uint8_t>(i));
    }
    return order;
  }

  void shuffle_by_weight(RoutePlan& order) {
    std::uint64_t left = 0;
    for (const std::uint8_t one : order) left += place(one).weight;
    for (std::size_t at = 0; at < order.size(); ++at) {
      std::uint64_t drawn = draw_below(left, random_.next());
      std::size_t picked = at;
      while (drawn >= place(order[picked]).weight) drawn -= place(order[picked++]).weight;
      left -= place(order[picked]).weight;
      std::swap(order[at], order[picked]);
    }
  }

  // Of what each would have with one call more, for its weight.
  bool less_loaded(std::uint8_t a, std::uint8_t b) const {
    return (std::uint64_t{facts_[a].in_flight} + 1) * place(b).weight <
           (std::uint64_t{facts_[b].in_flight} + 1) * place(a).weight;
  }

  // What nobody knows is tried, by a call now and then; then the fastest.
  bool faster(std::uint8_t a, std::uint8_t b) const { return rank(a) < rank(b); }
  std::chrono::nanoseconds rank(std::uint8_t index) const {
    const PlaceFacts& facts = facts_[index];
    if (facts.latency) return std::max(*facts.latency, std::chrono::nanoseconds(0));
    return facts.explored ? std::chrono::nanoseconds::max() : std::chrono::nanoseconds(-1);
  }

  const ModelRoute& route_;
  const std::span<const PlaceFacts> facts_;
  const PickBy& by_;
  Random random_;
};

// Collects places, each provider and model once.
class Plan {
 public:
  Plan(const ModelRoute& route, std::string_view asked) : route_(route), asked_(asked) {}

  void add(std::uint8_t index) {
    const RoutePlace& place = route_.places[index];
    const bool known = std::any_of(plan_.begin(), plan_.end(), [&](std::uint8_t other) {
      const RoutePlace& earlier = route_.places[other];
      return earlier.provider == place.provider &&
             earlier.model_for(asked_) == place.model_for(asked_);
    });
    if (!known && plan_.size() < kMostRoutePlaces) plan_.push_back(index);
  }
  bool empty() const { return plan_.empty(); }
  RoutePlan take() { return std::move(plan_); }

 private:
  const ModelRoute& route_;
  const std::string_view asked_;
  RoutePlan plan_;
};

}  // namespace

RoutePlan plan_route(const ModelRoute& route, std::span<const PlaceFacts> facts,
                     const PickBy& by) {
  CHECK(facts.size() == route.places.size() && route.targets > 0);
  const RoutePlan targets = Picker(route, facts, by).order();
  RoutePlan fallbacks;
  for (std::size_t i = route.targets; i < route.places.size(); ++i) {
    fallbacks.push_back(static_cast<std::uint8_t>(i));
  }
  const auto is_free = [&](std::uint8_t i) { return !facts[i].open && !facts[i].saturated; };
  const auto must_wait = [&](std::uint8_t i) { return !facts[i].open && facts[i].saturated; };

  Plan plan(route, by.model);
  const auto add = [&plan](const RoutePlan& places, const auto& fits) {
    for (const std::uint8_t place : places) {
      if (fits(place)) plan.add(place);
    }
  };
  add(targets, is_free);
  if (plan.empty() && !route.fallback_on.breaker) {
    // A fallback is no way around a breaker or a queue here: only for what happens then.
    add(targets, must_wait);
    if (plan.empty()) add(targets, [](std::uint8_t) { return true; });
  }
  add(fallbacks, is_free);
  add(targets, must_wait);
  add(fallbacks, must_wait);
  if (plan.empty()) add(targets, [](std::uint8_t) { return true; });
  return plan.take();
}

RouteTable::RouteTable(const Settings& settings) {
  const std::vector<ProviderSettings>& providers = settings.providers;
  for (std::size_t i = 0; i < providers.size(); ++i) {
    std::size_t first = 0;
    while (!same_family(providers[first], providers[i])) ++first;
    families_.push_back(first);
  }
  const auto place_of = [&](const RouteTarget& target) {
    RoutePlace place;
    while (providers[place.provider].name != target.provider) {
      ++place.provider;
      CHECK(place.provider < providers.size());
    }
    place.model = target.model;
    place.weight = target.weight;
    place.variant = target.variant;
    place.identity = hash_of(target.provider, 0xCBF29CE484222325);
    place.identity = hash_of(target.model, place.identity);
    place.identity = hash_of(target.variant, place.identity);
    return place;
  };
  for (const RouteSettings& said : settings.routes) {
    ModelRoute& route = routes_.emplace_back();
    route.pattern = said.model;
    for (const RouteTarget& target : said.targets) route.places.push_back(place_of(target));
    route.targets = route.places.size();
    for (const RouteTarget& target : said.fallbacks) route.places.push_back(place_of(target));
    route.policy = said.policy;
    route.sticky = said.sticky;
    route.fallback_on = said.fallback_on;
    route.cache = said.cache;
  }
}

const ModelRoute* RouteTable::find(std::string_view model, std::size_t provider) const {
  if (provider >= families_.size()) return nullptr;
  for (const ModelRoute& route : routes_) {
    if (families_[route.places.front().provider] != families_[provider]) continue;
    if (matches_glob(route.pattern, model)) return &route;
  }
  return nullptr;
}

}  // namespace farebox
