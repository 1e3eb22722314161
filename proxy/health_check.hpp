// HealthCheck: one active check of a provider, from the request to the note on its board.
//
// It rides a connection of the pool like any call, so it tells whether calls would get
// through, and keeps one warm. Used by its worker's thread.
#pragma once

#include <memory>

#include "proxy/deadline.hpp"
#include "proxy/health_board.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/upstream_pool.hpp"

namespace farebox {

class HealthCheck : public std::enable_shared_from_this<HealthCheck> {
 public:
  // It keeps itself and the pool alive until it ends, which is soon after its timeout.
  static std::shared_ptr<HealthCheck> begin(Executor executor, std::shared_ptr<UpstreamPool> pool,
                                            const Clock& clock);

  // Ends it without a result: the worker stops, or the provider is configured no more.
  void cancel();

  HealthCheck(Executor executor, std::shared_ptr<UpstreamPool> pool, const Clock& clock)
      : deadline_(executor, wake_), pool_(std::move(pool)), clock_(clock) {}

 private:
  static awaitable<void> run(std::shared_ptr<HealthCheck> self);
  awaitable<Result<int>> ask();
  awaitable<Result<void>> acquire();
  awaitable<Result<int>> read_answer();
  awaitable<bool> read_body(http::BodyReader body);
  bool over() const { return cancelled_ || clock_.steady_now() >= until_; }
  awaitable<void> wait();
  Error failure(std::string_view what) const;

  Event wake_;
  Deadline deadline_;
  std::shared_ptr<UpstreamPool> pool_;
  const Clock& clock_;
  std::unique_ptr<UpstreamConnection> connection_;
  std::string request_, head_text_;
  SteadyTime sent_at_{}, head_at_{}, until_{};
  bool reusable_ = false;
  bool cancelled_ = false;
};

}  // namespace farebox
