// AnomalyWatch: asked once an hour, says what of the ledger's hourly sums is out of the usual:
// spend of everything and of the projects that spend most, and models and keys that are new.
// What becomes of it is for others.
//
// Reads from disk, at the first look five weeks of sums for each project: never on a worker.
// One thread at a time. Memory is bounded by `Options::most_projects`, some 20 KB each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/anomaly.hpp"
#include "storage/ledger.hpp"

namespace farebox {

class AnomalyWatch {
 public:
  struct Options {
    TimeZone zone;                         // whose weeks they are
    Money least = Money::dollars(1);       // a smaller rise in an hour is nobody's worry
    std::size_t most_projects = 50;        // that are watched, by what they spent lately
  };

  // So many are told of one look; more than that is one trouble, not many.
  static constexpr std::size_t kMostTold = 50;

  explicit AnomalyWatch(Options options) : options_(options), all_(options.zone, options.least) {}

  // What the hours that are over since the last look had. Errors: the ledger's; the next look
  // tries these hours again.
  Result<std::vector<SpendAnomaly>> look(const Ledger& ledger, WallTime now);

 private:
  struct Project {
    SpendWatch watch;
    WallTime next;  // the first hour it hasn't seen
  };

  Result<void> choose(const Ledger& ledger, WallTime now);
  Result<void> follow(const Ledger& ledger, const std::string& project, SpendWatch& watch,
                      WallTime from, WallTime until, std::vector<SpendAnomaly>& told);
  Result<void> learn_names(const Ledger& ledger, WallTime from, WallTime until,
                           std::vector<SpendAnomaly>& told);

  const Options options_;
  std::optional<WallTime> next_;    // the first hour not looked at
  std::optional<WallTime> chosen_;  // when the projects were chosen
  SpendWatch all_;
  std::map<std::string, Project> projects_;
  NameWatch models_, keys_;
};

}  // namespace farebox
