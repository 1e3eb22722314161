// RetryStorms: judges the hours that RetryTally counted: clients that repeat calls which failed,
// again and again. Bounded; not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/anomaly.hpp"
#include "policy/retry_tally.hpp"

namespace farebox {

// Watches all calls together, and the projects that call most. A storm is told of in its first
// hour, and again after an hour without one.
class RetryStorms {
 public:
  static constexpr std::size_t kMostProjects = 50;
  static constexpr std::size_t kMostContributors = 5;

  // What must outlive a restart, for each of those that are watched; "" is everything.
  struct Memory {
    std::string project;
    double weight = 0;  // its calls, those of long ago counting less
    bool storming = false;
    std::vector<float> parts;  // of the hours seen, the oldest first
  };

  // The storms that began in an hour that is over.
  std::vector<SpendAnomaly> add_hour(const RetryTally& tally, WallTime hour);

  std::vector<Memory> memory() const;
  void restore(std::vector<Memory> memory);

 private:
  struct Watched {
    RetryWatch watch;
    double weight = 0;
    bool storming = false;
  };

  using Projects = std::map<std::string, RetryHour, std::less<>>;
  void choose(const Projects& projects);

  Watched all_;
  std::map<std::string, Watched, std::less<>> projects_;
};

}  // namespace farebox
