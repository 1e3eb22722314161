// How long a month of usage takes to answer: 1,000,000 records over 30 days, summed by
// Rollups in a RocksDB that was closed and opened again. Prints one JSON line.
//
//   typical   people keep to a project, an organisation, a few models and two keys
//   mixed     every dimension is thrown independently: hardly two records share a row
//   distinct  as typical, but every record has a user of its own
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "storage/rollups.hpp"

namespace farebox {
namespace {

constexpr std::size_t kRecords = 1'000'000;
constexpr auto kSpan = std::chrono::days(30);
constexpr WallTime kStart =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 1)) + std::chrono::minutes(620);
constexpr int kRounds = 15;

enum class Shape { typical, mixed, distinct };

std::string named(std::string_view what, std::uint64_t number) {
  return fmt::format("{}-{}", what, number);
}

std::vector<Record> make_records(Shape shape) {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t end) { return random() % end; };
  const auto gap = std::chrono::microseconds(kSpan) / kRecords;
  std::vector<Record> records(kRecords);
  for (std::size_t i = 0; i < kRecords; ++i) {
    Record& record = records[i];
    const bool mixed = shape == Shape::mixed;
    const std::uint64_t user = below(200);
    const std::uint64_t model = mixed ? below(20) : (user + below(3)) % 20;
    record.sequence = i + 1;
    // Calls end up to two minutes after they arrived.
    record.time = kStart + gap * i - std::chrono::microseconds(below(120'000'000));
    record.model = named("model-of-some-length", model);
    record.provider = named("provider", mixed ? below(4) : model % 4);
    record.project = named("project", mixed ? below(12) : user % 12);
    record.org = named("org", mixed ? below(3) : user % 3);
    record.user = named("user", shape == Shape::distinct ? 1'000'000 + i : user);
    record.key_name = named("key", mixed ? below(30) : (user + below(2)) % 30);
    record.endpoint = named("endpoint", below(20) == 0 ? 1 + below(2) : 0);
    record.outcome = below(20) == 0 ? static_cast<Outcome>(1 + below(3)) : Outcome::ok;
    record.metered = true;
    record.priced = below(50) != 0;
    record.usage.input = 200 + below(8'000);
    record.usage.output = 20 + below(1'500);
    record.usage.cached_input = below(3) == 0 ? below(record.usage.input) : 0;
    record.usage.reasoning = below(4) == 0 ? below(record.usage.output) : 0;
    record.cost = Money::picodollars(Int128(record.usage.input) * 2'500'000 +
                                     Int128(record.usage.output) * 10'000'000);
  }
  return records;
}

struct Question {
  std::string_view name;
  UsageQuery query;
};

std::vector<Question> questions() {
  // 30 days that begin and end within an hour.
  RecordFilter cut;
  cut.since = kStart + std::chrono::minutes(17);
  cut.until = kStart + kSpan - std::chrono::minutes(11);
  RecordFilter month;
  month.since = kStart - std::chrono::hours(1);
  month.until = kStart + kSpan + std::chrono::hours(1);
  RecordFilter of_project = month;
  of_project.project = "project-7";
  using enum Dimension;
  constexpr Granularity kNone = Granularity::none;
  return {
      {"all", {month, {}, kNone}},
      {"model", {month, {model}, kNone}},
      {"model,project", {month, {model, project}, kNone}},
      {"model,user", {month, {model, user}, kNone}},
      {"user", {month, {user}, kNone}},
      {"day by model", {month, {model}, Granularity::day}},
      {"hour by model", {month, {model}, Granularity::hour}},
      {"hour by user", {month, {user}, Granularity::hour}},
      {"costs by hour", {month, {}, Granularity::hour, true}},  // what forecasts ask
      {"costs by hour of a project", {of_project, {}, Granularity::hour, true}},
      {"model of a project", {of_project, {model}, kNone}},
      {"model, hours cut", {cut, {model}, kNone}},
      {"hour by model, hours cut", {cut, {model}, Granularity::hour}},
  };
}

double ms_since(std::chrono::steady_clock::time_point begin) {
  const auto passed = std::chrono::steady_clock::now() - begin;
  return std::chrono::duration<double, std::milli>(passed).count();
}

// What the asking thread itself worked: on a busy machine the truer number.
double cpu_ms() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

// A bench has nobody to tell: it stops.
template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "usage_bench: {}\n", result.error().context);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Database {
  explicit Database(const std::string& directory) {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, directory,
        {{rocksdb::kDefaultColumnFamilyName, {}}, {"rollups", rocksdb::ColumnFamilyOptions()}},
        &families, &opened);
    if (!status.ok()) must<void>(Error(ErrorCode::io_failed, status.ToString()));
    db.reset(opened);
    other = families[0];
    family = families[1];
    rollups = must(Rollups::open(*db, *family));
  }
  ~Database() {
    rollups.reset();
    db->DestroyColumnFamilyHandle(family);
    db->DestroyColumnFamilyHandle(other);
  }

  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* other = nullptr;
  rocksdb::ColumnFamilyHandle* family = nullptr;
  std::unique_ptr<Rollups> rollups;
};

std::string measure(std::string_view name, Shape shape) {
  const std::vector<Record> records = make_records(shape);
  std::string directory = (std::filesystem::temp_directory_path() / "usage_bench-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) must<void>(Error(ErrorCode::io_failed, directory));

  double add_ms = 0, save_ms = 0, longest_save_ms = 0;
  {
    Database database(directory);
    auto begin = std::chrono::steady_clock::now();
    for (const Record& record : records) {
      database.rollups->add(facts_of(record));
      if (!database.rollups->wants_saving() && &record != &records.back()) continue;
      add_ms += ms_since(begin);
      begin = std::chrono::steady_clock::now();
      must(database.rollups->save());
      longest_save_ms = std::max(longest_save_ms, ms_since(begin));
      save_ms += ms_since(begin);
      begin = std::chrono::steady_clock::now();
    }
    database.db->CompactRange({}, database.family, nullptr, nullptr);
  }

  Database database(directory);
  const Rollups::Scan scan = [&](std::uint64_t first, std::uint64_t last,
                                 const Rollups::Visit& visit) -> Result<void> {
    for (std::uint64_t i = first; i <= last; ++i) visit(facts_of(records[i - 1]));
    return {};
  };
  std::string answers;
  for (const Question& question : questions()) {
    std::vector<double> times;
    std::vector<double> worked;
    std::size_t rows = 0;
    for (int round = 0; round < kRounds; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      const double cpu_begin = cpu_ms();
      rows = must(database.rollups->usage(question.query, scan)).rows.size();
      times.push_back(ms_since(begin));
      worked.push_back(cpu_ms() - cpu_begin);
    }
    std::ranges::sort(times);
    std::ranges::sort(worked);
    answers += fmt::format(
        "{}\"{}\":{{\"median_ms\":{:.1f},\"max_ms\":{:.1f},\"median_cpu_ms\":{:.1f},"
        "\"rows\":{}}}",
        answers.empty() ? "" : ",", question.name, times[kRounds / 2], times.back(),
        worked[kRounds / 2], rows);
  }
  std::uint64_t octets = 0;
  database.db->GetIntProperty(database.family, rocksdb::DB::Properties::kLiveSstFilesSize, &octets);
  std::filesystem::remove_all(directory);
  return fmt::format(
      "\"{}\":{{\"add_ns\":{:.0f},\"save_ms\":{:.0f},\"longest_save_ms\":{:.0f},"
      "\"stored_octets\":{},\"usage\":{{{}}}}}",
      name, add_ms * 1e6 / kRecords, save_ms, longest_save_ms, octets, answers);
}

}  // namespace
}  // namespace farebox

// Without a name all shapes, one after the other.
int main(int count, char** arguments) {
  using farebox::Shape;
  const std::string_view wanted = count > 1 ? arguments[1] : "";
  std::string shapes;
  for (const auto& [name, shape] : {std::pair{"typical", Shape::typical},
                                    std::pair{"mixed", Shape::mixed},
                                    std::pair{"distinct", Shape::distinct}}) {
    if (wanted.empty() || wanted == name) shapes += "," + farebox::measure(name, shape);
  }
  fmt::print("{{\"bench\":\"usage\",\"records\":{}{}}}\n", farebox::kRecords, shapes);
}
