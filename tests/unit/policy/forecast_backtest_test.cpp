// Back-testing: what a forecast said at many moments against what came. For each kind of
// curve the true total must lie in the band in nine cases of ten from one third of the
// period on; the table says how wide the bands had to be for that.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "policy/forecast.hpp"
#include "tests/unit/policy/spend_curves.hpp"

namespace farebox {
namespace {

using testing::CurveKind;
using testing::SpendCurve;
using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = testing::kAllSeeds ? 150 : 70;
constexpr int kMoments = 6;

struct Score {
  int cases = 0, below = 0, above = 0;
  int ahead = 0, ahead_above = 0;  // of a spike that was still to come
  double width = 0, miss = 0;      // of the true total

  void add(const Score& more) {
    cases += more.cases;
    below += more.below;
    above += more.above;
    ahead += more.ahead;
    ahead_above += more.ahead_above;
    width += more.width;
    miss += more.miss;
  }
  double inside() const { return 1 - static_cast<double>(below + above) / cases; }
};

struct Setting {
  const char* name;
  BudgetPeriod kind;
  std::size_t spike_hours;
  int history;  // days before the period
};

constexpr Setting kSettings[] = {
    {"daily, new", BudgetPeriod::daily, 3, 0},      {"daily, 8 weeks", BudgetPeriod::daily, 3, 56},
    {"weekly, new", BudgetPeriod::weekly, 24, 0},   {"weekly, 3 weeks", BudgetPeriod::weekly, 24, 21},
    {"weekly, 8 weeks", BudgetPeriod::weekly, 24, 56},
    {"monthly, new", BudgetPeriod::monthly, 24, 0}, {"monthly, 3 weeks", BudgetPeriod::monthly, 24, 21},
    {"monthly, 8 weeks", BudgetPeriod::monthly, 24, 56},
};

// What was known at `now`, as rollups tell it: whole hours, and of the one that runs a part.
std::vector<SpendPiece> known_at(const SpendCurve& curve, WallTime now) {
  std::vector<SpendPiece> known;
  for (const SpendPiece& hour : curve.hours) {
    if (hour.start >= now) break;
    known.push_back(hour);
    if (hour.end <= now) continue;
    const Int128 part = hour.cost.picodollars() * ((now - hour.start) / 1min) / 60;
    known.back().end = now;
    known.back().cost = Money::picodollars(part);
  }
  return known;
}

// What a forecast is told of the curve.
enum class Told { hours, sum };

Score run(const Setting& setting, CurveKind kind, std::uint64_t seed,
          const std::vector<double>* calls = nullptr, Told told = Told::hours) {
  testing::Chance chance(seed + 99);
  const Period period(setting.kind, TimeZone(), {});
  const WallTime any = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) +
                       std::chrono::days(chance.below(360)) + 12h;
  const Window window = period.window_at(any);
  const SpendCurve curve = testing::make_curve(
      {kind, seed, window.start - std::chrono::days(setting.history), window.end, setting.spike_hours,
       0.35, calls});
  const double truth = curve.sum(window.start, window.end);
  Score score;
  for (int i = 0; i < kMoments; ++i) {
    const auto length = std::chrono::duration_cast<std::chrono::minutes>(window.end - window.start);
    const auto passed = static_cast<double>(length.count()) * (chance.between(0, 2.0 / 3) + 1.0 / 3);
    const WallTime now = window.start + std::chrono::minutes(static_cast<int>(passed));
    const auto known = known_at(curve, now);
    Money spent;
    for (const SpendPiece& hour : known) {
      if (hour.start >= window.start) spent += hour.cost;
    }
    ForecastQuestion question{period, now, spent, Money::dollars(1), std::nullopt, curve.start()};
    if (told == Told::hours) question.pieces = known;
    const Forecast said = forecast(question);
    const double low = static_cast<double>(said.projection->low.picodollars());
    const double high = static_cast<double>(said.projection->high.picodollars());
    const double total = static_cast<double>(said.projection->total.picodollars());
    EXPECT_LE(spent, said.projection->low);
    EXPECT_LE(said.projection->low, said.projection->total);
    EXPECT_LE(said.projection->total, said.projection->high);
    ++score.cases;
    score.below += truth < low * 0.999999;
    score.above += truth > high * 1.000001;
    score.width += (high - low) / truth;
    score.miss += std::abs(total - truth) / truth;
    if (kind == CurveKind::spike && curve.hours[curve.spike_end - 1].end > now) {
      ++score.ahead;
      score.ahead_above += truth > high * 1.000001;
    }
  }
  return score;
}

void print(const char* kind, const Setting& setting, const Score& score) {
  std::printf("%-14s %-17s inside %5.1f %%  below %4.1f %%  above %4.1f %%  width %6.1f %%  miss %5.1f %%",
              kind, setting.name, 100 * score.inside(), 100.0 * score.below / score.cases,
              100.0 * score.above / score.cases, 100 * score.width / score.cases,
              100 * score.miss / score.cases);
  if (score.ahead > 0) std::printf("  ahead %d, missed %d", score.ahead, score.ahead_above);
  std::printf("\n");
}

// What the recorded answers would cost at 1 USD a million tokens of input and 4 of output.
std::vector<double> recorded_calls() {
  std::vector<double> calls;
  const std::filesystem::path directory(FAREBOX_SOURCE_DIR "/tests/data/recordings");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (!json.is_object() || !json.contains("expected")) continue;
      const auto tokens = [&](const char* name) {
        const auto& expected = json["expected"];
        return expected.contains(name) && expected[name].is_number() ? expected[name].get<double>() : 0;
      };
      const double cost = 1e6 * tokens("input_tokens") + 4e6 * tokens("output_tokens");
      if (cost > 0) calls.push_back(cost);
    }
  }
  return calls;
}

TEST(ForecastBacktest, TheTrueTotalLiesInTheBand) {
  for (const CurveKind kind : testing::kCurveKinds) {
    Score of_kind;
    for (const Setting& setting : kSettings) {
      Score score;
      for (std::uint64_t seed = 0; seed < kSeeds; ++seed) score.add(run(setting, kind, seed));
      print(testing::name_of(kind), setting, score);
      of_kind.add(score);
      EXPECT_GE(score.inside(), 0.9) << testing::name_of(kind) << ", " << setting.name;
    }
    EXPECT_GE(of_kind.inside(), 0.9) << testing::name_of(kind);
  }
}

// Calls as they were recorded, few of them large, at hours of weeks as people have them.
TEST(ForecastBacktest, SoItDoesOfRecordedCalls) {
  const std::vector<double> calls = recorded_calls();
  ASSERT_GT(calls.size(), 100U);
  for (const Setting& setting : kSettings) {
    Score score;
    for (std::uint64_t seed = 0; seed < kSeeds / 2; ++seed) {
      score.add(run(setting, CurveKind::weekly, seed, &calls));
    }
    print("recorded calls", setting, score);
    EXPECT_GE(score.inside(), 0.9) << setting.name;
  }
}

TEST(ForecastBacktest, SoItDoesWhereOnlyTheSumIsKnown) {
  const std::vector<double> calls = recorded_calls();
  for (const CurveKind kind : testing::kCurveKinds) {
    for (const Setting& setting : kSettings) {
      if (setting.history != 0) continue;
      Score score;
      const auto* const its = kind == CurveKind::weekly ? &calls : nullptr;
      for (std::uint64_t seed = 0; seed < kSeeds / 2; ++seed) {
        score.add(run(setting, kind, seed, its, Told::sum));
      }
      print(testing::name_of(kind), setting, score);
      EXPECT_GE(score.inside(), 0.9) << testing::name_of(kind) << ", " << setting.name;
    }
  }
}

}  // namespace
}  // namespace farebox
