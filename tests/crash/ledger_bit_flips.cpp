// Rot: one bit of one file of a ledger is flipped, and what happens when it is opened and
// verified is put into one of five classes (reliability.md, M7):
//
//   refused    opening says an Error, or reading the records does
//   reported   verify names a fault
//   unharmed   all records and all open holds are as they were
//   cut        only what was never known to be synced is gone, and the log warns of it
//   SILENT     anything else; must be 0
//
//   ledger_bit_flips [--rounds N] [--seed S] [--seconds-limit T]
//
// Round i uses seed S + i. The ledger is made in four states: closed; stopped short with
// everything synced; stopped short with a long tail that was not; and the same grown over
// several starts. One line of JSON.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "storage/ledger_reader.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/crash/ledger_clients.hpp"

namespace farebox::testing {
namespace {

namespace fs = std::filesystem;

// A record or an open hold, as far as a flip could change it: by request id.
using Content = std::map<std::string, std::string>;

struct Template {
  std::string name;
  std::string directory;
  std::uint64_t synced = 0;  // sequence; what is behind it may be cut
  Truth truth;
  Content content;  // after it is opened, so that open holds are records
  std::vector<std::pair<std::string, std::uint64_t>> files;  // name below it, size
};

Content content_of(const std::vector<Record>& records) {
  Content content;
  for (const Record& record : records) {
    Record same = record;
    // A crash's records get their number when the ledger is opened, in the order of holds.
    if (same.outcome == Outcome::crashed) same.sequence = 0;
    std::string text;
    append_json(text, same);
    content[record.request_id] = std::move(text);
  }
  return content;
}

std::vector<std::pair<std::string, std::uint64_t>> files_of(const std::string& directory) {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    files.emplace_back(fs::relative(entry.path(), directory).string(), entry.file_size());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// What kind of file it is, for the figures.
std::string kind_of(const std::string& file) {
  const std::string name = fs::path(file).filename().string();
  if (name.ends_with(".log")) return "wal";
  if (name.ends_with(".sst")) return "sst";
  if (name.starts_with("MANIFEST")) return "manifest";
  if (name.starts_with("OPTIONS")) return "options";
  if (name == "CURRENT" || name == "IDENTITY") return "names";
  if (name == "ledger.synced") return "synced";
  if (name == "ledger.key") return "key";
  return "other";
}

class Templates {
 public:
  Templates(Scratch& scratch, std::uint64_t seed) : scratch_(scratch), seed_(seed) {
    add("closed", 1, 1500, Milliseconds(5), Milliseconds(0), true);
    add("stopped", 1, 1500, Milliseconds(5), Milliseconds(60), false);
    add("unsynced", 2, 1200, Milliseconds(3'600'000), Milliseconds(0), false);
    add("grown", 6, 600, Milliseconds(5), Milliseconds(60), false);
  }

  const std::vector<std::unique_ptr<Template>>& all() const { return all_; }

 private:
  // A ledger of `starts` starts with about `records` records each.
  void add(const std::string& name, std::uint64_t starts, std::uint64_t records,
           Milliseconds sync_interval, Milliseconds quiet, bool close) {
    auto made = std::make_unique<Template>();
    made->name = name;
    const std::string live = scratch_.fresh(name + ".live");
    made->directory = scratch_.path() + "/" + name;
    LedgerSettings settings;
    settings.sync_interval = sync_interval;
    for (std::uint64_t start = 1; start <= starts; ++start) {
      LogFile log;
      auto opened = RocksLedger::open({live, settings, nullptr}, log.logger(), log.clock());
      CHECK(opened);
      const Emit emit = [&](const Event& event) { made->truth.note(event); };
      LedgerClient client(**opened, log.clock(), emit, mix(seed_, start), start << 40);
      while ((*opened)->status().appended < records) {
        client.turn(16);
        std::this_thread::sleep_for(std::chrono::microseconds(30));
      }
      while (client.waiting() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const bool last = start == starts;
      // Some holds stay open at the end: a client leaves calls alone now and then.
      if (last && close) {
        (*opened)->close();
        made->synced = (*opened)->status().synced;
      }
      if (last) {
        std::this_thread::sleep_for(quiet);
        if (!close) made->synced = (*opened)->status().synced;
        // Nobody writes now: a copy is what a kill would leave.
        fs::copy(live, made->directory, fs::copy_options::recursive);
      }
      (*opened)->close();
    }
    made->files = files_of(made->directory);
    made->content = baseline(*made, settings);
    all_.push_back(std::move(made));
  }

  Content baseline(Template& made, const LedgerSettings& settings) {
    const std::string copy = scratch_.path() + "/baseline";
    fs::remove_all(copy);
    fs::copy(made.directory, copy, fs::copy_options::recursive);
    LogFile log;
    const auto opened = RocksLedger::open({copy, settings, nullptr}, log.logger(), log.clock());
    CHECK(opened);
    const auto records = read_all(**opened);
    CHECK(records);
    Breaks breaks;
    check_sums(**opened, *records, breaks);
    CHECK(breaks.count() == 0);
    return content_of(*records);
  }

  Scratch& scratch_;
  const std::uint64_t seed_;
  std::vector<std::unique_ptr<Template>> all_;
};

enum class Class : std::uint8_t { refused, reported, unharmed, cut, silent };

std::string_view name_of(Class what) {
  switch (what) {
    case Class::refused: return "refused";
    case Class::reported: return "reported";
    case Class::unharmed: return "unharmed";
    case Class::cut: return "cut";
    case Class::silent: return "SILENT";
  }
  return "?";
}

struct Flip {
  std::string file;
  std::uint64_t offset = 0;
  int bit = 0;
};

void apply(const std::string& directory, const Flip& flip) {
  std::fstream file(directory + "/" + flip.file, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(flip.offset));
  const int octet = file.get();
  CHECK(octet >= 0);
  file.seekp(static_cast<std::streamoff>(flip.offset));
  file.put(static_cast<char>(octet ^ (1 << flip.bit)));
  file.flush();
  CHECK(file.good());
}

struct Verdict {
  Class what = Class::silent;
  std::string why;
};

// Verify's opinion; nothing: no fault.
std::string verify(const std::string& directory) {
  const auto reader = LedgerReader::open(directory);
  if (!reader) return reader.error().context + " ";
  const auto report = (*reader)->verify();
  if (!report) return report.error().context + " ";
  return report->faults.empty() ? "" : report->faults.front() + " ";
}

// All that is missing or changed may be so: it was never known to be synced.
bool only_unsynced_is_gone(const Template& from, const std::vector<Record>& records,
                           std::string& why) {
  // Records at or below the synced one are the same; the others are what the truth allows.
  Content now = content_of(records);
  for (const Record& record : records) {
    if (record.sequence > from.synced) continue;
    const auto was = from.content.find(record.request_id);
    if (was == from.content.end() || was->second != now[record.request_id]) {
      why = "record " + std::to_string(record.sequence) + " changed";
      return false;
    }
  }
  if (records.size() < from.synced) {
    why = fmt::format("{} records of {} synced ones", records.size(), from.synced);
    return false;
  }
  return true;
}

Verdict classify(const Template& from, const std::string& directory) {
  const std::string fault = verify(directory);
  LogFile log;
  const auto opened = RocksLedger::open({directory, {}, nullptr}, log.logger(), log.clock());
  if (!opened) return {Class::refused, opened.error().context};
  const auto records = read_all(**opened);
  if (!records) return {Class::refused, records.error().context};
  const auto usage = (*opened)->usage({});
  if (!usage) return {Class::refused, usage.error().context};
  const bool same = content_of(*records) == from.content;
  Breaks sums(Breaks::Say::nothing);
  check_sums(**opened, *records, sums);
  (*opened)->close();
  const std::string later = verify(directory);
  if (same && sums.count() == 0 && later.empty()) return {Class::unharmed, fault};
  if (!later.empty()) return {Class::reported, later};
  if (sums.count() != 0) return {Class::silent, "the sums differ"};
  std::string why;
  if (!only_unsynced_is_gone(from, *records, why)) {
    return fault.empty() ? Verdict{Class::silent, why} : Verdict{Class::reported, fault};
  }
  // Everything that is gone, holds too, must be what could have been lost in a crash.
  Truth truth = from.truth;
  Breaks breaks;
  truth.check(*records, {.all = false, .synced = from.synced}, Truth::Refused::never_charged,
              breaks);
  if (breaks.count() != 0) return {Class::silent, "what was synced is gone or changed"};
  if (!log.soon_says("\"level\":\"warn\"")) return {Class::silent, "cut without a warning"};
  return {Class::cut, fault};
}

Flip random_flip(const Template& from, std::mt19937_64& dice) {
  // Half of the flips by size, half by file, so that small files get their share.
  std::uint64_t total = 0;
  for (const auto& [name, size] : from.files) total += size;
  std::uint64_t at = dice() % total;
  Flip flip;
  flip.bit = static_cast<int>(dice() % 8);
  if (dice() % 2 == 0) {
    const auto& [name, size] = from.files[dice() % from.files.size()];
    flip.file = name;
    flip.offset = dice() % size;
    return flip;
  }
  for (const auto& [name, size] : from.files) {
    flip.file = name;
    flip.offset = at;
    if (at < size) return flip;
    at -= size;
  }
  return flip;
}

}  // namespace
}  // namespace farebox::testing

int main(int argc, char** argv) {
  using namespace farebox::testing;
  const CrashOptions options = read_options(argc, argv, {.rounds = 150, .seed = 1});
  Scratch scratch("bit_flips");
  if (options.keep) scratch.keep();
  const Stopwatch watch;
  const Templates templates(scratch, 42);
  std::map<Class, std::uint64_t> classes;
  std::map<std::string, std::uint64_t> kinds;
  std::uint64_t rounds = 0;
  while (rounds < options.rounds) {
    if (options.seconds_limit > 0 && watch.seconds() > options.seconds_limit) break;
    const std::uint64_t seed = options.seed + rounds++;
    std::mt19937_64 dice(seed);
    const Template& from = *templates.all()[dice() % templates.all().size()];
    const Flip flip = random_flip(from, dice);
    const std::string copy = scratch.path() + "/copy";
    fs::remove_all(copy);
    fs::copy(from.directory, copy, fs::copy_options::recursive);
    apply(copy, flip);
    const HangGuard guard(30, fmt::format("--seed {}", seed));
    const Verdict verdict = classify(from, copy);
    ++classes[verdict.what];
    ++kinds[kind_of(flip.file)];
    if (options.keep || verdict.what == Class::silent) {
      std::fprintf(stderr, "%s: --seed %llu --rounds 1: %s, %s octet %llu bit %d: %s\n",
                   std::string(name_of(verdict.what)).c_str(),
                   static_cast<unsigned long long>(seed), from.name.c_str(), flip.file.c_str(),
                   static_cast<unsigned long long>(flip.offset), flip.bit, verdict.why.c_str());
    }
  }
  std::vector<Figure> figures{{"rounds", rounds}};
  for (const Class what : {Class::refused, Class::reported, Class::unharmed, Class::cut,
                           Class::silent}) {
    figures.emplace_back(name_of(what), classes[what]);
  }
  for (const auto& [kind, count] : kinds) figures.emplace_back("flips:" + kind, count);
  figures.emplace_back("seed", options.seed);
  figures.emplace_back("seconds", watch.ms() / 1000);
  print_line("ledger_bit_flips", "", figures);
  return classes[Class::silent] == 0 ? 0 : 1;
}
