// ConcurrencyLimit: how many calls a provider gets at once, fixed or found out.
//
// AIMD, as TCP has it (Chiu and Jain 1989; Jacobson 1988): one more for each round of calls
// that went well while at least half of the limit was used, an eighth of one near the limit
// that was refused last; a tenth less at a refusal (429, 503, 529) or a timeout, once for
// all calls that were under way together. For public APIs, which say no.
//
// gradient, after Netflix's concurrency-limits (Gradient and Vegas) with the probing of BBR:
// a round's mean latency against what it is without a queue.
//   headroom = max(1/2, limit / 16)
//   gradient = base * 21/20 / mean, 1/2 ... 1
//   gradient = 1: limit += sqrt(limit) / 2; else limit += (limit * gradient + headroom - limit) / 5
//   refusals and timeouts: as AIMD
// A server that works on N at once settles a little above N. `base` follows lower means by an
// eighth, and each sixty-fourth round runs at half of the limit to measure it anew;
// sooner, when that found less. For servers of one's own, which queue instead of saying
// no. Latencies of calls that differ a lot need long rounds: a round has at least 32 calls.
//
// The limit is kept in 1,024ths. Time is an argument; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "config/base/clock.hpp"
#include "config/settings.hpp"

namespace farebox {

class ConcurrencyLimit {
 public:
  struct Bounds {
    std::uint32_t least = 4, most = 256;
  };
  // least is cut to most, and 1 is the least of all.
  ConcurrencyLimit(Adaptive kind, Bounds bounds);

  // Calls at once now.
  std::uint32_t limit() const;

  enum class Went : std::uint8_t {
    well,
    refused,   // it is too much, or took too long
    unknown,   // says nothing about the load: another failure, or the client left
  };
  struct Sample {
    SteadyTime began{}, ended{};  // latency: until the answer's head came
    std::uint32_t in_flight = 0;  // when it ended, itself included
    Went went = Went::well;
  };
  void add(const Sample& sample);

 private:
  void back_off(const Sample& sample);
  void end_round(SteadyTime now);
  void put(std::uint64_t limit);

  const Adaptive kind_;
  const std::uint64_t least_, most_;  // in parts of kOne
  std::uint64_t limit_;               // in parts of kOne
  SteadyTime changed_{};              // calls that began before say nothing about the limit
  SteadyTime backed_off_{};
  std::uint64_t refused_at_ = 0;      // the limit then; 0: it was passed since

  // The round of gradient.
  std::uint64_t rounds_ = 0;
  std::uint64_t base_ = 0;  // nanoseconds; 0: not known
  std::uint64_t latencies_ = 0;
  std::uint32_t samples_ = 0;
  std::uint32_t busiest_ = 0;
  std::uint64_t measure_at_ = 4;  // round
  bool measuring_ = false;        // at half of the limit
};

}  // namespace farebox
