#include "tests/mock/rules.hpp"

#include <stdexcept>

namespace farebox::mock {

namespace {

bool matches(const Rule& rule, const Request& request, std::uint64_t nth) {
  if (request.path().substr(0, rule.path_prefix.size()) != rule.path_prefix) return false;
  if (!rule.path.empty() && request.path() != rule.path) return false;
  if (!rule.method.empty() && request.method != rule.method) return false;
  if (rule.nth != 0 && rule.nth != nth) return false;
  return rule.header_name.empty() ||
         request.field(rule.header_name).find(rule.header_part) != std::string_view::npos;
}

Rule read_rule(const Json& from) {
  Rule rule;
  for (const auto& [name, value] : from.items()) {
    if (name != "match" && name != "behaviour" && name != "skip" && name != "times") {
      throw std::invalid_argument("unknown member of a rule: " + name);
    }
  }
  const Json match = from.value("match", Json::object());
  for (const auto& [name, value] : match.items()) {
    if (name == "path_prefix") {
      rule.path_prefix = value.get<std::string>();
    } else if (name == "path") {
      rule.path = value.get<std::string>();
    } else if (name == "method") {
      rule.method = value.get<std::string>();
    } else if (name == "nth") {
      rule.nth = value.get<std::uint64_t>();
    } else if (name == "header") {
      rule.header_name = value.at(0).get<std::string>();
      rule.header_part = value.at(1).get<std::string>();
    } else {
      throw std::invalid_argument("unknown match: " + name);
    }
  }
  rule.skip = from.value("skip", std::uint64_t{0});
  rule.times = from.value("times", std::uint64_t{0});
  rule.behaviour = from.value("behaviour", Json::object());
  return rule;
}

}  // namespace

std::string Rules::add(const Json& from) {
  try {
    Rule rule = read_rule(from);
    Behaviour trial;
    if (std::string wrong = read_behaviour(rule.behaviour, trial); !wrong.empty()) return wrong;
    const std::lock_guard lock(mutex_);
    rules_.push_back(std::move(rule));
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

void Rules::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
}

Json Rules::take(const Request& request, std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (!matches(*rule, request, nth)) continue;
    if (rule->skip > 0) {
      --rule->skip;
      continue;
    }
    Json behaviour = rule->behaviour;
    if (rule->times > 0 && --rule->times == 0) rules_.erase(rule);
    return behaviour;
  }
  return Json::object();
}

}  // namespace farebox::mock
