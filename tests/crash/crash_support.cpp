// Options, directories, logs and figures of the crash suites.
#include "tests/crash/crash_support.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "config/base/json_writer.hpp"

namespace farebox::testing {
namespace {

constexpr std::uint64_t kMostShown = 20;

// What is under way, where a signal handler can read it.
struct UnderWay {
  std::atomic<std::int64_t> deadline_ms{0};  // 0: the slot is free
  std::array<char, 200> what{};
};
std::array<UnderWay, 64> under_way;
std::mutex under_way_mutex;
std::once_flag watching;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void say(const char* words) {
  if (::write(2, words, std::strlen(words)) < 0) return;
}

void on_death(int number) {
  for (const UnderWay& slot : under_way) {
    if (slot.deadline_ms == 0) continue;
    say("died during: ");
    say(slot.what.data());
    say("\n");
  }
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void watch() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    for (const UnderWay& slot : under_way) {
      const std::int64_t deadline = slot.deadline_ms;
      if (deadline == 0 || now_ms() < deadline) continue;
      say("HANGS: ");
      say(slot.what.data());
      say("\n");
      // For a debugger's or a core's sake, where the program wants one.
      if (std::getenv("CRASH_ABORT") != nullptr) std::abort();
      ::_exit(kHung);
    }
  }
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--rounds N] [--seed S] [--sync always|interval] [--seconds-limit T]\n"
               "          [--jobs J] [--open-limit-ms N] [--keep]\n",
               program);
  std::exit(64);
}

}  // namespace

CrashOptions read_options(int argc, char** argv, CrashOptions defaults) {
  CrashOptions options = defaults;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--keep") {
      options.keep = true;
      continue;
    }
    if (i + 1 == argc) usage(argv[0]);
    const char* const value = argv[++i];
    if (name == "--rounds") {
      options.rounds = std::strtoull(value, nullptr, 10);
    } else if (name == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--seconds-limit") {
      options.seconds_limit = std::strtod(value, nullptr);
    } else if (name == "--jobs") {
      options.jobs = std::max(1u, static_cast<unsigned>(std::strtoul(value, nullptr, 10)));
    } else if (name == "--open-limit-ms") {
      options.open_limit_ms = std::strtoull(value, nullptr, 10);
    } else if (name == "--sync" && std::strcmp(value, "always") == 0) {
      options.sync = LedgerSync::always;
      options.both_syncs = false;
    } else if (name == "--sync" && std::strcmp(value, "interval") == 0) {
      options.sync = LedgerSync::interval;
      options.both_syncs = false;
    } else {
      usage(argv[0]);
    }
  }
  return options;
}

std::string_view name_of(LedgerSync sync) {
  switch (sync) {
    case LedgerSync::interval: return "interval";
    case LedgerSync::always: return "always";
    case LedgerSync::never: return "never";
  }
  return "?";
}

Scratch::Scratch(const std::string& name) {
  const char* const parent = std::getenv("TMPDIR");
  path_ = std::string(parent != nullptr ? parent : "/tmp") + "/farebox_" + name + "_XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr);
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!keep_) {
    std::filesystem::remove_all(path_, ignored);
  } else {
    std::fprintf(stderr, "kept: %s\n", path_.c_str());
  }
}

std::string Scratch::fresh(const std::string& name) {
  const std::string path = path_ + "/" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

LogFile::File::File() : descriptor(::memfd_create("log", MFD_CLOEXEC)) { CHECK(descriptor >= 0); }

LogFile::File::~File() { ::close(descriptor); }

LogFile::LogFile() : logger_(file_.descriptor, Level::info, Logger::Format::json, clock_) {}

std::string LogFile::text() const {
  struct stat facts {};
  CHECK(::fstat(file_.descriptor, &facts) == 0);
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  const ssize_t got = ::pread(file_.descriptor, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

bool LogFile::soon_says(std::string_view words) const {
  for (int tries = 0; tries < 60; ++tries) {
    if (text().find(words) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

void OpenTimes::add(std::uint64_t ms, std::uint64_t limit_ms) {
  ++opens;
  if (ms > limit_ms) ++slow;
  max_ms = std::max(max_ms, ms);
}

void OpenTimes::add(const OpenTimes& more) {
  opens += more.opens;
  slow += more.slow;
  max_ms = std::max(max_ms, more.max_ms);
}

void Breaks::add(const std::string& what) {
  ++count_;
  if (say_ == Say::nothing || count_ > kMostShown) return;
  std::fprintf(stderr, "BREAK: %s%s\n", where_.c_str(), what.c_str());
}

void print_line(const std::string& suite, const std::string& sync,
                const std::vector<Figure>& figures) {
  std::string line;
  JsonWriter json(line);
  json.begin_object();
  json.key("suite").string(suite);
  if (!sync.empty()) json.key("sync").string(sync);
  for (const auto& [name, value] : figures) json.key(name).number(value);
  json.end_object();
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

HangGuard::HangGuard(unsigned seconds, const std::string& what) {
  std::call_once(watching, [] {
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(number, on_death);
    std::thread(watch).detach();
  });
  const std::lock_guard lock(under_way_mutex);
  slot_ = 0;
  while (slot_ < under_way.size() && under_way[slot_].deadline_ms != 0) ++slot_;
  CHECK(slot_ < under_way.size());
  UnderWay& slot = under_way[slot_];
  const std::size_t size = std::min(what.size(), slot.what.size() - 1);
  std::memcpy(slot.what.data(), what.data(), size);
  slot.what[size] = '\0';
  slot.deadline_ms = now_ms() + std::int64_t{seconds} * 1000;
}

HangGuard::~HangGuard() { under_way[slot_].deadline_ms = 0; }

std::uint64_t mix(std::uint64_t seed, std::uint64_t step) {
  // SplitMix64.
  std::uint64_t z = seed + 0x9e3779b97f4a7c15 * (step + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void lose_turns(const std::string& directory, std::uint64_t seed) {
  const std::string path = directory + "/ledger.turns";
  std::mt19937_64 dice(seed);
  const std::uint64_t what = dice() % 4;
  if (what == 0 || !std::filesystem::exists(path)) return;
  if (what == 1) {
    std::filesystem::remove(path);
    return;
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const std::string zeros(512, '\0');
  const std::uint64_t sectors = std::filesystem::file_size(path) / zeros.size();
  const std::uint64_t rarity = what == 2 ? 2 : 20;
  for (std::uint64_t sector = 0; sector < sectors; ++sector) {
    if (dice() % rarity != 0) continue;
    file.seekp(static_cast<std::streamoff>(sector * zeros.size()));
    file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
  }
}

}  // namespace farebox::testing
