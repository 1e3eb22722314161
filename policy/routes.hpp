// Routes: which provider serves a call for a model, and who comes next.
//
// The first route of the file whose pattern fits the model and whose providers understand
// the call. Of its targets one is picked, the others follow, then the fallbacks in their
// order. Targets that can't take a call now are passed over. Pure; facts and random numbers
// are arguments. A table never changes, so any thread may read it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace farebox {

struct RoutePlace {
  std::size_t provider = 0;  // in Settings::providers
  std::string model;         // empty: the one asked for
  std::uint32_t weight = 1;  // of a target; 0: only if all others are gone
  std::string variant;       // what records call it
  std::uint64_t identity = 0;  // a hash of provider, model and variant

  std::string_view model_for(std::string_view asked) const {
    return model.empty() ? asked : std::string_view(model);
  }
};

struct ModelRoute {
  std::string pattern;
  std::vector<RoutePlace> places;  // the targets, then the fallbacks
  std::size_t targets = 0;         // how many of the places are targets
  RoutePolicy policy = RoutePolicy::weighted;
  RouteSticky sticky = RouteSticky::none;
  FallbackOn fallback_on;
  RouteCacheSettings cache;

  bool is_target(std::size_t place) const { return place < targets; }
};

// What is known of a place now.
struct PlaceFacts {
  bool open = false;       // its breaker refuses
  bool saturated = false;  // a call would wait: for a slot or for a key
  std::uint32_t in_flight = 0;
  std::optional<std::chrono::nanoseconds> latency = {};  // recent, of the model; nothing: unknown
  bool explored = false;   // unknown, and a call that may tell was begun a moment ago
};

// How this call is picked for.
struct PickBy {
  std::string_view model;   // asked for
  std::string_view sticky;  // the user or key, where the route is sticky; empty: nobody known
  std::uint64_t random = 0;
};

// Places of a route in the order to try them, each (provider, model) once; never empty. When
// all are open it begins with what would have been picked: that one's breaker says how long.
using RoutePlan = boost::container::small_vector<std::uint8_t, 16>;

// `facts` has one for each place of the route.
RoutePlan plan_route(const ModelRoute& route, std::span<const PlaceFacts> facts,
                     const PickBy& by);

class RouteTable {
 public:
  RouteTable() = default;
  // Settings that were checked: every provider is there.
  explicit RouteTable(const Settings& settings);

  // For a call that came for this provider; null: it goes there.
  const ModelRoute* find(std::string_view model, std::size_t provider) const;
  bool empty() const { return routes_.empty(); }
  const std::vector<ModelRoute>& routes() const { return routes_; }

 private:
  std::vector<ModelRoute> routes_;
  std::vector<std::size_t> families_;  // by provider: the first that understands the same
};

}  // namespace farebox
