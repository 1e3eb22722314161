#include "config/base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

namespace farebox {
namespace {

using namespace std::string_view_literals;
using nlohmann::json;

// 2026-11-21T04:52:23.123Z, for ever.
class StoppedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(4) +
           std::chrono::minutes(52) + std::chrono::milliseconds(23'123);
  }
};

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    close_reading_end();
    close_writing_end();
  }
  int writing_end() const { return ends_[1]; }
  void close_reading_end() { close_end(ends_[0]); }
  void close_writing_end() { close_end(ends_[1]); }
  // How much fits without a reader.
  void set_capacity(int octets) { EXPECT_GE(::fcntl(ends_[1], F_SETPIPE_SZ, octets), octets); }

  // Everything, until the writing end is closed.
  std::string read() {
    std::string all;
    char piece[4096];
    for (ssize_t got; (got = ::read(ends_[0], piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  static void close_end(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  int ends_[2] = {-1, -1};
};

std::vector<std::string> lines_of(const std::string& text) {
  EXPECT_TRUE(text.empty() || text.ends_with('\n'));
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What a logger writes while `act` uses it. The pipe holds 1 MiB, so nobody waits.
template <class Act>
std::string logged(Level least, Logger::Format format, const Act& act) {
  const StoppedClock clock;
  Pipe pipe;
  pipe.set_capacity(1 << 20);
  {
    Logger log(pipe.writing_end(), least, format, clock);
    act(log);
  }
  pipe.close_writing_end();
  return pipe.read();
}

TEST(Log, OneEventIsOneLineOfJson) {
  const std::string text = logged(Level::info, Logger::Format::json, [](Logger& log) {
    log.info("listening", {{"listen", "127.0.0.1:4141"sv}, {"port", std::int64_t{-4141}}, {"tls", false}});
  });
  EXPECT_EQ(text,
            R"({"ts":"2026-11-21T04:52:23.123Z","level":"info","msg":"listening",)"
            R"("listen":"127.0.0.1:4141","port":-4141,"tls":false})" "\n");
}

TEST(Log, AFieldWithoutANameIsLeftOut) {
  const auto write = [](Logger& log) { log.info("x", {{"", "gone"sv}, {"a", true}, {"", false}}); };
  EXPECT_EQ(logged(Level::info, Logger::Format::json, write),
            R"({"ts":"2026-11-21T04:52:23.123Z","level":"info","msg":"x","a":true})" "\n");
  EXPECT_EQ(logged(Level::info, Logger::Format::text, write), "04:52:23.123 info  x a=true\n");
}

TEST(Log, TextIsForPeople) {
  const std::string text = logged(Level::info, Logger::Format::text, [](Logger& log) {
    log.info("listening", {{"listen", "127.0.0.1:4141"sv}});
    log.error("a\x1b[31m\nb", {{"why", "c\r\nd"sv}, {"count", std::int64_t{3}}});
  });
  EXPECT_EQ(text,
            "04:52:23.123 info  listening listen=\"127.0.0.1:4141\"\n"
            "04:52:23.123 error a\\u001b[31m\\nb why=\"c\\r\\nd\" count=3\n");
}

TEST(Log, LinesBelowTheLevelAreNotWritten) {
  const auto all = [](Logger& log) {
    log.write(Level::debug, "debug");
    log.info("info");
    log.warn("warn");
    log.error("error");
  };
  const auto lines = [&](Level least) {
    return lines_of(logged(least, Logger::Format::json, all)).size();
  };
  EXPECT_EQ(lines(Level::debug), 4u);
  EXPECT_EQ(lines(Level::info), 3u);
  EXPECT_EQ(lines(Level::warn), 2u);
  EXPECT_EQ(lines(Level::error), 1u);
}

TEST(Log, HostileStringsStayOneValidLineEach) {  // reliability, X8
  const std::string long_text(1 << 20, 'x');
  const std::string long_quotes(1 << 20, '"');
  const std::string_view hostile[] = {
      "\r\n{\"level\":\"info\",\"msg\":\"forged\"}", "\n", "\x1b]0;title\x07", "a\0b"sv,
      "\xff\xfe\xc0\x80", "\xed\xa0\x80", "\",\"level\":\"error", "\\", "\x7f\xc2\x85",
      "\xe2\x80\xa8\xe2\x80\xa9", long_text, long_quotes,
  };
  for (const auto format : {Logger::Format::json, Logger::Format::text}) {
    const auto lines = lines_of(logged(Level::info, format, [&](Logger& log) {
      for (const std::string_view text : hostile) log.info(text, {{"value", text}, {"port", std::int64_t{1}}});
    }));
    ASSERT_EQ(lines.size(), std::size(hostile));
    if (format == Logger::Format::text) continue;
    for (const std::string& line : lines) {
      const json parsed = json::parse(line, nullptr, false);
      ASSERT_FALSE(parsed.is_discarded()) << line.substr(0, 200);
      EXPECT_EQ(parsed["level"], "info");
    }
  }
}

TEST(Log, LongValuesAreCut) {
  const std::string long_text(1 << 20, 'x');
  const auto lines = lines_of(logged(Level::info, Logger::Format::json, [&](Logger& log) {
    log.info(long_text, {{"value", long_text}});
  }));
  ASSERT_EQ(lines.size(), 1u);
  const json parsed = json::parse(lines[0]);
  EXPECT_EQ(parsed["msg"].get<std::string>().size(), 4096u);
  EXPECT_EQ(parsed["value"].get<std::string>().size(), 4096u);
}

TEST(Log, LinesOfManyThreadsDoNotMix) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  const auto lines = lines_of(logged(Level::info, Logger::Format::json, [](Logger& log) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&log, thread] {
        for (int i = 0; i < kEach; ++i) log.info("line", {{"thread", std::int64_t{thread}}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  }));
  EXPECT_EQ(lines.size(), std::size_t{kThreads} * kEach);
  for (const std::string& line : lines) EXPECT_TRUE(json::accept(line)) << line;
}

// With nobody reading, the queue fills up to its bound; what is over is counted, and the
// next line that gets through says how many were lost.
TEST(Log, LinesBeyondTheQueueAreDroppedAndCounted) {
  constexpr std::uint64_t kLines = 4'000;
  const std::string four_kib(4096, 'x');
  for (const auto format : {Logger::Format::json, Logger::Format::text}) {
    const StoppedClock clock;
    Pipe pipe;
    std::uint64_t dropped = 0;
    std::string text;
    std::thread reader;
    {
      Logger log(pipe.writing_end(), Level::info, format, clock);
      for (std::uint64_t i = 0; i < kLines; ++i) log.info(four_kib);
      dropped = log.dropped();
      reader = std::thread([&] { text = pipe.read(); });
    }
    pipe.close_writing_end();
    reader.join();

    std::uint64_t written = 0;
    std::uint64_t confessed = 0;
    for (const std::string& line : lines_of(text)) {
      const std::size_t said = line.find("log lines dropped");
      if (said == std::string::npos) {
        ++written;
        continue;
      }
      EXPECT_EQ(line.starts_with('{'), format == Logger::Format::json) << line;
      const std::size_t count = line.find_first_of("0123456789", line.find("count"));
      confessed += std::stoull(line.substr(count));
    }
    EXPECT_GT(dropped, 0u);
    EXPECT_EQ(confessed, dropped);
    EXPECT_EQ(written + dropped, kLines);
  }
}

// Standard error may be a pipe that nobody reads any more; SIGPIPE is ignored by main.
TEST(Log, AReaderThatLeftIsNoTrouble) {
  const StoppedClock clock;
  Pipe pipe;
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  pipe.close_reading_end();
  {
    Logger log(pipe.writing_end(), Level::info, Logger::Format::json, clock);
    log.info("nobody hears this");
  }
  std::signal(SIGPIPE, before);
}

// A full pipe that nobody reads kept the end waiting for the writer for ever.
TEST(Log, AFullPipeThatNobodyReadsDoesNotHoldUpTheEnd) {
  const StoppedClock clock;
  // The writer is left alone with it to the end of the process, so nobody may close it.
  static Pipe& pipe = *new Pipe;
  pipe.set_capacity(4096);
  std::optional<Logger> log(std::in_place, pipe.writing_end(), Level::info, Logger::Format::json,
                            clock);
  for (int i = 0; i < 100; ++i) log->info("a line that comes into the queue, or into the pipe");
  const auto began = std::chrono::steady_clock::now();
  log.reset();
  EXPECT_GE(std::chrono::steady_clock::now() - began, Logger::kLastWords);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5 * Logger::kLastWords);
}

}  // namespace
}  // namespace farebox
