// Tenure: the time one configuration is in use on one worker.
//
// The newest is the current one: requests that begin now run under it. An older one ends
// with the last request that began under it. Counting is per worker, so taking part costs
// no atomic operation. With a provider that no tenure knows any more goes its pool.
// Used by the worker's thread.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/metrics.hpp"
#include "proxy/services.hpp"
#include "proxy/upstream_pool.hpp"

namespace farebox {

class Tenure {
 public:
  Tenure(std::shared_ptr<const Configuration> configuration, const Foundation& foundation)
      : configuration_(std::move(configuration)), services_(foundation.under(*configuration_)) {}
  Tenure(const Tenure&) = delete;
  Tenure& operator=(const Tenure&) = delete;

  Services& services() { return services_; }
  const Configuration& configuration() const { return *configuration_; }

 private:
  friend class Tenures;
  const std::shared_ptr<const Configuration> configuration_;
  Services services_;
  std::size_t requests_ = 0;  // that run under it
};

class Tenures {
 public:
  explicit Tenures(const Foundation& foundation) : foundation_(foundation) {}
  Tenures(const Tenures&) = delete;
  Tenures& operator=(const Tenures&) = delete;

  // `next` is current from here on.
  void begin(std::shared_ptr<const Configuration> next, Executor executor);

  Tenure& current() { return tenures_.back(); }

  // For a request that begins: the current tenure can't end before `leave`.
  Tenure& join() {
    ++current().requests_;
    return current();
  }
  void leave(Tenure& tenure) {
    if (--tenure.requests_ == 0 && &tenure != &current()) end(tenure);
  }

  // `provider` belongs to a configuration in use.
  UpstreamPool& pool(const Provider& provider) { return *pools_.find(&provider)->second; }

  void sweep();
  void warm();
  void close_idle();
  // One row a provider's name, also of providers that are gone: counters never fall.
  std::vector<UpstreamGauge> gauges() const;

 private:
  bool knows(const Provider& provider) const;
  void end(Tenure& tenure);

  const Foundation& foundation_;
  std::unordered_map<const Provider*, std::shared_ptr<UpstreamPool>> pools_;
  std::list<Tenure> tenures_;  // oldest first
  std::map<std::string, UpstreamGauge> gone_;  // what pools that ended had counted
};

}  // namespace farebox
