// Behaviours set through the control port: the first rule that matches a
// request's head and is not used up says how it is answered. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>

#include "tests/mock/behaviour.hpp"

namespace farebox::mock {

struct Rule {
  // What must hold; an empty text always does.
  std::string path_prefix;   // of the path without query
  std::string path;          // exactly
  std::string method;
  std::string header_name;   // {"header": ["Name", "part of the value"]}
  std::string header_part;
  std::uint64_t nth = 0;     // only the nth request on its connection; 0: any

  std::uint64_t skip = 0;    // lets so many matching requests pass first
  std::uint64_t times = 0;   // used so often; 0: always
  Json behaviour = Json::object();
};

class Rules {
 public:
  // {"match":{...},"behaviour":{...},"skip":n,"times":n}. Returns what is wrong
  // with it, or nothing.
  std::string add(const Json& from);
  void clear();

  // The behaviour for this request, an empty object if no rule matches.
  Json take(const Request& request, std::uint64_t nth);

 private:
  std::mutex mutex_;
  std::list<Rule> rules_;
};

}  // namespace farebox::mock
