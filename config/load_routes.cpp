// routes: which providers serve a model, and in which order.
#include <fmt/format.h>

#include <algorithm>

#include "config/load_sections.hpp"
#include "config/route_rules.hpp"
#include "config/suggest.hpp"

namespace farebox {

namespace {

constexpr std::array<Choice<RoutePolicy>, 3> kPolicies{
    {{"weighted", RoutePolicy::weighted},
     {"least_loaded", RoutePolicy::least_loaded},
     {"lowest_latency", RoutePolicy::lowest_latency}}};
constexpr std::array<Choice<RouteSticky>, 3> kSticky{{{"none", RouteSticky::none},
                                                      {"user", RouteSticky::user},
                                                      {"key", RouteSticky::key}}};

struct FallbackName {
  std::string_view word;
  bool FallbackOn::* field;
};
constexpr std::array<FallbackName, 4> kFallbackWords{{{"breaker", &FallbackOn::breaker},
                                                      {"rate_limit", &FallbackOn::rate_limit},
                                                      {"server_error", &FallbackOn::server_error},
                                                      {"timeout", &FallbackOn::timeout}}};

const ProviderSettings* provider_named(const Settings& settings, std::string_view name) {
  const auto found = std::find_if(settings.providers.begin(), settings.providers.end(),
                                  [&](const auto& provider) { return provider.name == name; });
  return found == settings.providers.end() ? nullptr : &*found;
}

std::string_view dialect_of(const ProviderSettings& provider) {
  return provider.described ? std::string_view(provider.described->name)
                            : name_of(provider.dialect);
}

// All of a route get the same body.
void check_family(const MapReader& keys, const Settings& settings, const RouteSettings& route,
                  const RouteTarget& target) {
  const ProviderSettings* const first = provider_named(settings, route.targets.front().provider);
  const ProviderSettings* const its = provider_named(settings, target.provider);
  if (first == nullptr || its == nullptr || same_family(*first, *its)) return;
  keys.refuse("provider",
              fmt::format("is {}, which speaks {}, but this route begins with {}, which speaks {}, "
                          "and requests aren't translated; name a provider of the same dialect",
                          in_quotes(its->name), dialect_of(*its), in_quotes(first->name),
                          dialect_of(*first)));
}

void read_target(MapReader& keys, const Settings& settings, const RouteSettings& route,
                 RouteTarget& target) {
  keys.require("provider", "provider: and the name of one under providers");
  keys.read("provider", target.provider,
            [&](std::string_view name) { return check_known_provider(name, settings); });
  keys.read("model", target.model, some_text);
  keys.read("variant", target.variant, name_text);
  check_family(keys, settings, route, target);
}

// A list of words, or a map of all four with true or false.
void read_fallback_on(const ValueReader& value, FallbackOn& on) {
  if (value.node().kind == YamlNode::Kind::map) {
    return value.map([&](MapReader& keys) {
      for (const FallbackName& name : kFallbackWords) keys.read(name.word, on.*name.field);
    });
  }
  std::array<std::string_view, kFallbackWords.size()> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = kFallbackWords[i].word;
  std::vector<std::string> said;
  value.into(said, [&](std::string_view text) -> Result<void> {
    if (std::find(words.begin(), words.end(), text) != words.end()) return {};
    return Error(ErrorCode::invalid_config,
                 fmt::format("nothing of that name sends a call on; {}", did_you_mean(text, words)));
  });
  if (value.node().kind != YamlNode::Kind::list) return;
  for (const FallbackName& name : kFallbackWords) {
    on.*name.field = std::find(said.begin(), said.end(), name.word) != said.end();
  }
}

void read_route(MapReader& keys, const Settings& settings, RouteSettings& route) {
  keys.require("model", "model: \"gpt-4.1*\"");
  keys.read("model", route.model, name_text);
  keys.require("targets", "targets: [{provider: openai}]");
  keys.list("targets", [&](const ValueReader& item) {
    RouteTarget& target = route.targets.emplace_back();
    item.map([&](MapReader& inner) {
      read_target(inner, settings, route, target);
      inner.read("weight", target.weight, Count{0, 1'000'000});
    });
  });
  const bool none = std::all_of(route.targets.begin(), route.targets.end(),
                                [](const RouteTarget& target) { return target.weight == 0; });
  if (keys.has("targets") && none) {
    keys.refuse("targets", "name nobody a request could go to; give at least one target a weight "
                           "above 0");
  }
  // Whom to compare fallbacks with.
  const bool no_target = route.targets.empty();
  if (no_target) route.targets.emplace_back();
  keys.list("fallbacks", [&](const ValueReader& item) {
    RouteTarget& target = route.fallbacks.emplace_back();
    item.map([&](MapReader& inner) { read_target(inner, settings, route, target); });
  });
  if (no_target) route.targets.clear();
  if (const std::size_t places = route.targets.size() + route.fallbacks.size();
      places > kMostRoutePlaces) {
    keys.refuse("targets", fmt::format("and fallbacks are {} together, and a call tries no more "
                                       "than {}; remove some",
                                       places, kMostRoutePlaces));
  }
  keys.read("policy", route.policy, kPolicies);
  keys.read("sticky", route.sticky, kSticky);
  if (const auto on = keys.find("fallback_on")) read_fallback_on(*on, route.fallback_on);
  keys.map("cache", [&](MapReader& block) { read_route_cache(block, route.cache); });
}

// What can't be meant, but does no harm.
void warn_about_route(MapReader& keys, const RouteSettings& route) {
  if (route.sticky != RouteSticky::none && route.policy == RoutePolicy::lowest_latency) {
    if (const auto said = keys.find("policy")) {
      said->warn_unseen("is lowest_latency, but sticky keeps each caller with one target, however "
                        "slow it is; remove one of them");
    }
  }
  const FallbackOn& on = route.fallback_on;
  const bool never = !on.breaker && !on.rate_limit && !on.server_error && !on.timeout;
  const auto said = keys.find("fallback_on");
  if (said && never && !route.fallbacks.empty()) {
    said->warn_unseen("names nothing that sends a call on, so the fallbacks are never asked; name "
                      "what should, or remove fallbacks");
  }
}

// Calls of another dialect don't see a route, so two may have the same pattern.
bool always_wins(const Settings& settings, const RouteSettings& earlier,
                 const RouteSettings& later) {
  if (!covers(earlier.model, later.model)) return false;
  if (earlier.targets.empty() || later.targets.empty()) return true;
  const auto* const a = provider_named(settings, earlier.targets.front().provider);
  const auto* const b = provider_named(settings, later.targets.front().provider);
  return a == nullptr || b == nullptr || same_family(*a, *b);
}

}  // namespace

void read_routes(MapReader& root, Settings& settings) {
  root.list("routes", [&](const ValueReader& item) {
    RouteSettings route;
    item.map([&](MapReader& keys) {
      read_route(keys, settings, route);
      warn_about_route(keys, route);
      const auto wins = std::find_if(
          settings.routes.begin(), settings.routes.end(),
          [&](const RouteSettings& earlier) { return always_wins(settings, earlier, route); });
      if (route.model.empty() || wins == settings.routes.end()) return;
      if (wins->model == route.model) {
        keys.refuse("model", fmt::format("is {}, an earlier route has the same and would always "
                                         "win; remove one of them", in_quotes(route.model)));
      } else if (const auto said = keys.find("model")) {
        said->warn_unseen(fmt::format("is {}, which the earlier route {} hides: the first that fits "
                                      "counts; move this one before it, or remove it",
                                      in_quotes(route.model), in_quotes(wins->model)));
      }
    });
    settings.routes.push_back(std::move(route));
  });
}

}  // namespace farebox
