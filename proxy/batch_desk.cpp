#include "proxy/batch_desk.hpp"

#include <algorithm>

namespace farebox {

void BatchDesk::close(Batch& batch) {
  const auto found = gathering_.find(batch.key);
  if (found != gathering_.end() && found->second.get() == &batch) gathering_.erase(found);
}

void BatchDesk::join(BatchSeat& seat, const Digest& key, std::string_view provider,
                     const EmbeddingCall& call, std::uint64_t weight,
                     const EmbeddingBatchSettings& settings, const Executor& executor,
                     Event& wake) {
  seat.leave();
  seat.desk_ = this;
  seat.waiter_ = std::make_shared<WakeUp>(executor, wake);
  const std::lock_guard lock(mutex_);
  auto found = gathering_.find(key);
  if (found != gathering_.end()) {
    Batch& batch = *found->second;
    if (batch.tokens + call.most_tokens > settings.max_tokens) {
      // It goes as it is, and this call begins the next.
      batch.full = true;
      WakeUp::tell(batch.parts.front().waiter);
      gathering_.erase(found);
      found = gathering_.end();
    }
  }
  if (found == gathering_.end()) {
    const auto batch = std::make_shared<Batch>();
    batch->key = key;
    batch->provider = provider;
    batch->before = call.before;
    batch->after = call.after;
    batch->group = call.group;
    found = gathering_.emplace(key, batch).first;
    seat.leads_ = true;
  }
  seat.batch_ = found->second;
  Batch& batch = *seat.batch_;
  seat.index_ = batch.parts.size();
  batch.parts.push_back({std::string(call.input), weight, seat.waiter_});
  batch.tokens += call.most_tokens;
  if (batch.parts.size() < settings.max_size) return;
  batch.full = true;
  WakeUp::tell(batch.parts.front().waiter);
  gathering_.erase(found);
}

std::size_t BatchDesk::gathering() const {
  const std::lock_guard lock(mutex_);
  return gathering_.size();
}

void BatchDesk::settle(BatchSeat& seat, Batch::State state, BatchResult result) {
  const std::lock_guard lock(mutex_);
  Batch& batch = *seat.batch_;
  if (batch.state == Batch::State::answered || batch.state == Batch::State::apart) return;
  close(batch);
  batch.result = std::move(result);
  batch.state = state;
  for (const Batch::Part& part : batch.parts) {
    if (part.waiter && part.waiter != seat.waiter_) WakeUp::tell(part.waiter);
  }
  if (!seat.began_) return;
  seat.began_ = false;
  Provider& provider = providers_[batch.provider];
  --provider.running;
  for (const auto& leader : provider.waiting) WakeUp::tell(leader);
  provider.waiting.clear();
}

void BatchSeat::leave() {
  if (!batch_) return;
  if (leads_) send_apart();
  {
    const std::lock_guard lock(desk_->mutex_);
    batch_->parts[index_].waiter.reset();
  }
  waiter_->end();
  waiter_.reset();
  batch_.reset();
  leads_ = began_ = false;
}

Batch::State BatchSeat::state() const {
  const std::lock_guard lock(desk_->mutex_);
  return batch_->state;
}

bool BatchSeat::full() const {
  const std::lock_guard lock(desk_->mutex_);
  return batch_->full;
}

bool BatchSeat::begin(std::uint32_t max_concurrent) {
  const std::lock_guard lock(desk_->mutex_);
  BatchDesk::Provider& provider = desk_->providers_[batch_->provider];
  if (provider.running >= max_concurrent) {
    if (std::find(provider.waiting.begin(), provider.waiting.end(), waiter_) ==
        provider.waiting.end()) {
      provider.waiting.push_back(waiter_);
    }
    return false;
  }
  ++provider.running;
  began_ = true;
  desk_->close(*batch_);
  batch_->state = Batch::State::sent;
  return true;
}

// Nothing changes the parts of a batch that was closed.
std::size_t BatchSeat::size() const {
  const std::lock_guard lock(desk_->mutex_);
  return batch_->parts.size();
}

std::string BatchSeat::body() const {
  const std::lock_guard lock(desk_->mutex_);
  std::vector<EmbeddingCall> calls;
  calls.reserve(batch_->parts.size());
  for (const Batch::Part& part : batch_->parts) {
    calls.push_back({batch_->before, batch_->after, part.input, batch_->group, part.weight});
  }
  return join_embedding_calls(calls);
}

std::vector<std::uint64_t> BatchSeat::weights() const {
  const std::lock_guard lock(desk_->mutex_);
  std::vector<std::uint64_t> weights;
  for (const Batch::Part& part : batch_->parts) weights.push_back(part.weight);
  return weights;
}

void BatchSeat::answer(BatchResult result) {
  desk_->settle(*this, Batch::State::answered, std::move(result));
}

void BatchSeat::send_apart() { desk_->settle(*this, Batch::State::apart, {}); }

void BatchSeat::keep_apart(SteadyTime now) {
  const std::lock_guard lock(desk_->mutex_);
  desk_->providers_[batch_->provider].alone_until = now + BatchDesk::kAlone;
}

void BatchSeat::send_apart_paid(std::vector<AttemptRecord> attempts) {
  BatchResult result;
  result.attempts = std::move(attempts);
  result.paid = true;
  desk_->settle(*this, Batch::State::apart, std::move(result));
}

bool BatchDesk::stays_alone(std::string_view provider, SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = providers_.find(provider);
  return found != providers_.end() && now < found->second.alone_until;
}

}  // namespace farebox
