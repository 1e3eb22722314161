#include "proxy/tenure.hpp"

#include <algorithm>

#include "proxy/health_board.hpp"

namespace farebox {

namespace {

UpstreamGauge counted_by(const UpstreamPool& pool) {
  UpstreamGauge gauge;
  gauge.connects = pool.connects();
  gauge.failed_connects = pool.failed_connects();
  gauge.failed_at_proxy = pool.failed_at_proxy();
  return gauge;
}

}  // namespace

void Tenures::begin(std::shared_ptr<const Configuration> next, Executor executor) {
  tenures_.emplace_back(std::move(next), foundation_);
  const Providers& wanted = current().configuration().providers;
  for (const auto& provider : wanted) {
    if (pools_.contains(provider.get())) continue;
    pools_.emplace(provider.get(), UpstreamPool::make(executor, provider, foundation_.clock));
  }
  for (const auto& [provider, pool] : pools_) {
    const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const auto& each) { return each.get() == provider; });
    if (!stays) pool->retire();
  }
  for (auto at = tenures_.begin(); &*at != &current();) {
    Tenure& tenure = *at++;
    if (tenure.requests_ == 0) end(tenure);
  }
}

bool Tenures::knows(const Provider& provider) const {
  return std::any_of(tenures_.begin(), tenures_.end(), [&](const Tenure& tenure) {
    const Providers& providers = tenure.configuration().providers;
    return std::any_of(providers.begin(), providers.end(),
                       [&](const auto& each) { return each.get() == &provider; });
  });
}

void Tenures::end(Tenure& tenure) {
  const auto place = std::find_if(tenures_.begin(), tenures_.end(),
                                  [&](const Tenure& each) { return &each == &tenure; });
  std::list<Tenure> ended;
  ended.splice(ended.end(), tenures_, place);
  for (const auto& provider : tenure.configuration().providers) {
    if (knows(*provider)) continue;
    const auto pool = pools_.find(provider.get());
    if (pool == pools_.end()) continue;
    UpstreamGauge& sum = gone_[provider->settings.name];
    sum += counted_by(*pool->second);
    pools_.erase(pool);
  }
}

void Tenures::sweep() {
  for (const auto& [provider, pool] : pools_) pool->sweep();
}

void Tenures::warm() {
  for (const auto& [provider, pool] : pools_) pool->warm();
}

void Tenures::close_idle() {
  for (const auto& [provider, pool] : pools_) pool->close_idle();
}

std::vector<UpstreamGauge> Tenures::gauges() const {
  std::map<std::string, UpstreamGauge> by_name = gone_;
  for (const auto& [provider, pool] : pools_) {
    UpstreamGauge gauge = counted_by(*pool);
    gauge.idle = pool->idle();
    gauge.busy = pool->busy();
    gauge.dialling = pool->dialling();
    gauge.waiting = pool->waiting();
    if (const auto latest = provider->health->latest()) gauge.healthy = latest->ok;
    by_name[provider->settings.name] += gauge;
  }
  std::vector<UpstreamGauge> gauges;
  for (auto& [name, gauge] : by_name) {
    gauge.provider = name;
    gauges.push_back(std::move(gauge));
  }
  return gauges;
}

}  // namespace farebox
