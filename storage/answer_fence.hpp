// AnswerFence: the latest invalidations, so that none is undone by an answer that was on its way
// while it happened: being fetched, waiting to be written, being read.
//
// Bounded: what is older than all it remembers doesn't pass. Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

#include "storage/answer_match.hpp"

namespace farebox {

class AnswerFence {
 public:
  static constexpr std::size_t kMost = 1'024;         // invalidations
  static constexpr std::size_t kMostTerms = 65'536;   // names in all of them

  // How many invalidations there were. Cheap.
  std::uint64_t epoch() const { return epoch_.load(); }

  // From now on, what `what` names and began before doesn't pass.
  void publish(const AnswerMatch& what);

  // May an answer be kept that began at `epoch`? If so, `epoch` is the present one afterwards.
  bool passes(const AnswerKey& key, const Answer& answer, std::uint64_t& epoch) const;

 private:
  std::atomic<std::uint64_t> epoch_ = 0;
  mutable std::mutex mutex_;
  // The last is that of the present epoch.
  std::deque<std::shared_ptr<const AnswerMatch>> latest_;
  std::size_t terms_ = 0;
};

}  // namespace farebox
