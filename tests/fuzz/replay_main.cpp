// The main of a fuzz target in builds without libFuzzer: runs the target over every seed,
// then over mutations of them. The same seeds and the same count give the same inputs.
//
//   fuzz_NAME [--seconds N] [--seed N] FILE|DIRECTORY...
//
// An input that crashes is written to ./crash-NAME before the program dies.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Of the sanitizers' runtime, where there is one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOctets = 64 << 10;

std::string current;     // the input that runs
std::string crash_file;
std::uint64_t executions = 0;

void save_current() {
  const int file = ::open(crash_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (::write(file, current.data(), current.size()) < 0) return;
  ::close(file);
  constexpr char kWords[] = "the input that crashed is in ";
  if (::write(2, kWords, sizeof kWords - 1) < 0) return;
  if (::write(2, crash_file.data(), crash_file.size()) < 0) return;
  if (::write(2, "\n", 1) < 0) return;
}

void on_signal(int number) {
  save_current();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void run(const std::string& input) {
  current = input;
  // A copy that ends where its memory ends, so that a sanitizer sees a read beyond it.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ++executions;
}

std::vector<std::string> read_seeds(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const std::string& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      std::fprintf(stderr, "can't read %s\n", file.c_str());
      std::exit(66);
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return seeds;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string input = any_seed();
    for (auto changes = 1 + random_() % 6; changes > 0; --changes) change(input);
    if (input.size() > kMostOctets) input.resize(kMostOctets);
    return input;
  }

 private:
  const std::string& any_seed() { return seeds_[random_() % seeds_.size()]; }
  std::size_t place(const std::string& text) { return random_() % (text.size() + 1); }

  void change(std::string& input) {
    static constexpr std::string_view kSharp[] = {"\r\n", "\n", "\r", "\"", "\\", "{", "}", "[", "]", ":", ",",
                                                  "0", "-1", "1e400", "18446744073709551616", "\xff", " ", "\t",
                                                  "null", "${", "}", "#", "&a", "*a", "\\u0000", "chunked", ";"};
    const std::size_t at = place(input);
    const std::size_t some = random_() % 16;
    switch (random_() % 8) {
      case 0: if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random_() % 8)); return;
      case 1: if (at < input.size()) input[at] = static_cast<char>(random_() & 0xFF); return;
      case 2: input.insert(at, 1, static_cast<char>(random_() & 0xFF)); return;
      case 3: input.erase(at, some); return;
      case 4: input.insert(at, kSharp[random_() % std::size(kSharp)]); return;
      case 5: input.insert(place(input), input.substr(at, some * 4)); return;  // said twice
      case 6: {
        const std::string& other = any_seed();
        input.insert(at, other.substr(place(other), some * 8));
        return;
      }
      default: input.resize(at); return;
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const auto value = std::strtoull(text, &end, 10);
  if (*text == '\0' || *end != '\0') {
    std::fprintf(stderr, "not a number: %s\n", text);
    std::exit(64);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = fs::path(argv[0]).filename();
  if (name.starts_with("fuzz_")) name.erase(0, 5);
  std::uint64_t seconds = 0;
  std::uint64_t seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
      seconds = number(argv[++i]);
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = number(argv[++i]);
    } else {
      paths.emplace_back(argv[i]);
    }
  }
  crash_file = "crash-" + name;
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_signal);

  std::vector<std::string> seeds = read_seeds(paths);
  if (seeds.empty()) seeds.emplace_back();
  for (const std::string& input : seeds) run(input);
  Mutator mutator(seeds, seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 32; ++i) run(mutator.next());
  }
  std::printf("%s: %llu inputs, 0 crashes\n", name.c_str(), static_cast<unsigned long long>(executions));
  return 0;
}
