// Anomalies: spend of an hour that is far above what the hours like it were, names that were
// never there before, and clients that repeat their calls again and again.
//
// Pure objects, one for each thing watched: they are fed an hour at a time and answer. All
// memory is bounded. Nothing is said before a week was seen. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/money.hpp"
#include "config/base/time_zone.hpp"
#include "policy/retry_tally.hpp"

namespace farebox {

// A name and what it spent.
struct NamedSpend {
  std::string dimension;  // "model", "key", "user"
  std::string name;
  Money cost;
};

// A name and how many calls repeated one that failed.
struct NamedRetries {
  std::string dimension;  // "project", "key", "model"
  std::string name;
  std::uint64_t retries = 0;
};

struct SpendAnomaly {
  enum class Kind : std::uint8_t { spend_rise, new_model, new_key, retry_storm };
  Kind kind = Kind::spend_rise;
  std::string scope;  // "project=search"; "all"; the name, of a new one
  WallTime hour;
  // Of a rise: what such an hour mostly costs, and what this one did.
  Money expected, seen;
  // Of a storm: requests of that hour, and those of them that repeat one that failed.
  std::uint64_t requests = 0, retries = 0;
  std::vector<NamedSpend> contributors;  // to what is more than usual; the largest first
  std::vector<NamedRetries> repeaters;   // of a storm; the largest first
};
std::string_view name_of(SpendAnomaly::Kind kind);

inline constexpr std::size_t kHoursOfWeek = 168;

// The hourly spend of one scope against its own history: the median of the same hour of the
// week, and those beside it, of four weeks; and how far hours were from that (MAD, and the
// farthest). What goes on for hours is one rise; whoever was told of two in eight weeks hears of
// a third only if it is beyond both. Some 20 KB.
class SpendWatch {
 public:
  struct Rise {
    Money expected;
    Money seen;
  };

  // Weeks are of that place. A rise of less than `least` is nobody's worry.
  SpendWatch(TimeZone zone, Money least) : zone_(zone), least_(least) {}

  // An hour that is over, later than all before it; hours that are left out spent nothing.
  std::optional<Rise> add(WallTime hour, Money cost);
  // The hour that runs, so far: it may be far above already. Nothing is remembered.
  std::optional<Rise> look(WallTime hour, Money cost) const;

 private:
  static constexpr std::size_t kWeeks = 4;
  static constexpr std::size_t kKept = kHoursOfWeek * (kWeeks + 1);
  struct Hour {
    std::int64_t number = -1;  // of the place's calendar
    double cost = 0;
  };
  struct Judged {
    double expected = 0;
    double moved = 1;  // of the median of hours like it
    double ratio = 0;   // of the expected; 0: it isn't known
    double excess = 0;  // above the expected, in picodollars
    bool rise = false;
  };
  struct Told {
    std::uint64_t seen = 0;  // hours, when it was told
    double ratio = 0, excess = 0;
  };

  std::int64_t number_of(WallTime hour) const;
  std::optional<double> usual(std::int64_t number) const;
  Judged judge(std::int64_t number, double cost) const;
  bool is_beyond(const Judged& judged) const;
  bool is_news(const Judged& judged, bool bursty) const;
  void keep(std::int64_t number, double cost, const Judged& judged);

  const TimeZone zone_;
  const Money least_;
  std::optional<WallTime> last_;
  std::array<Hour, kKept> hours_{};                 // by number
  std::vector<float> ratios_;                       // of the last four weeks, a ring
  std::vector<float> excesses_;                     // as the ratios
  std::vector<float> moved_;                        // of the last day, a ring
  std::vector<Told> told_;                          // in eight weeks, the newest last
  std::uint64_t seen_ = 0;  // hours
};

// What of `now` is more than `usual`, the largest first, at most `most`. Each name once in
// each of the two.
std::vector<NamedSpend> top_contributors(const std::vector<NamedSpend>& now,
                                         const std::vector<NamedSpend>& usual, std::size_t most);

// Names that are new. The first week is for learning; when there are too many it says nothing
// any more.
class NameWatch {
 public:
  explicit NameWatch(std::size_t most = 4'096) : most_(most) {}

  // Was it never there before? Time doesn't run back.
  bool is_new(std::string_view name, WallTime hour);

 private:
  const std::size_t most_;
  std::optional<WallTime> first_;
  std::set<std::string, std::less<>> names_;
};

// Requests that repeat one that failed, as clients say it (x-stainless-retry-count).
class RetryWatch {
 public:
  // An hour that is over: was it a storm, so many retries and so much larger a part than
  // usual?
  bool add(const RetryHour& hour);

  // What it remembers of at most a week, the oldest first.
  std::vector<float> parts() const;
  void restore(std::vector<float> parts);

 private:
  std::vector<float> parts_;  // of a week, a ring
  std::size_t next_ = 0;
};

}  // namespace farebox
